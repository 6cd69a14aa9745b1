// What changed between two strings, and how much: `trajedit.diff` and `trajedit.distances`, for the editor page and for
// the report. Nothing here depends on a page: strings in, values out.
//
// The distances are those that the converters compute: Levenshtein over code points, and over the words between white
// space as Python's str.split sees it. Line ends are treated as in the converters, too: a string from a browser's
// textarea gets its original's line ends back before it is measured, and for the diff all of them are \n.
const trajedit = (() => {
  "use strict";

  // Python's white space, which differs from JavaScript's \s: it has U+001C to U+001F and U+0085, but not U+FEFF.
  const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
  const WORD = new RegExp(`[^${SPACE}]+`, "g");
  const IS_SPACE = new RegExp(`[${SPACE}]`);
  const ONLY_SPACE = new RegExp(`^[${SPACE}]+$`);
  const ASCII = /^[\x00-\x7f]*$/;
  const NEWLINE = /\r\n|\r|\n/g;

  // How many words, or characters of a changed stretch, may differ before the diff becomes coarser.
  const MOST_WORDS = 400;
  const MOST_WORDS_BETWEEN_ANCHORS = 60;
  const MOST_CHARACTERS = 300;
  const LONGEST_STRETCH = 4000;
  const MOST_SEGMENTS = 600;
  const MOST_STRETCHES = 4000;
  // How many characters of what changed are looked at word by word, and how many again inside the words, at one time.
  const MOST_DIFFED = 100_000;
  const MOST_REFINED = 10_000;

  // What it costs to match two lines that differ, and a line that is new or gone; see converters/annotations/matching_lines.py.
  const CHANGED = 3;
  const MOVED = 2;
  const MOST_COST = 200;
  const MOST_COST_BETWEEN = 40;

  // The budget of a distance, as in converters/annotations/distances.py; and how much work the page does for one, and for
  // how many lines, at most: for texts of more than 50,000 characters, that can be less.
  const ALWAYS_EXACT = 10_000;
  const CHARACTERS_BUDGET = 10_000_000_000;
  const WORDS_BUDGET = 1_000_000_000;
  const MOST_WORK = 100_000_000;
  const MOST_LINES = 20_000;
  // No text of fewer characters is beyond a budget.
  const LONG = 50_000;
  const STEPS_AT_ONCE = 50_000;

  // ---- line ends ----

  function foldNewlines(text) {
    return text.includes("\r") ? text.replace(NEWLINE, "\n") : text;
  }

  // `edited` with the line ends of `original`; null where these are mixed in more lines than the page looks at.
  function restoreNewlines(original, edited) {
    if (!original.includes("\r") || edited.includes("\r") || !edited.includes("\n")) return edited;
    const ends = new Map();
    for (const [end] of original.matchAll(NEWLINE)) ends.set(end, (ends.get(end) ?? 0) + 1);
    let usual = "";
    for (const [end, count] of ends) if (!usual || count > ends.get(usual)) usual = end;
    const lines = edited.split("\n");
    if (ends.size === 1) return lines.join(usual);
    const old = original.match(NEWLINE);
    if (Math.max(old.length, lines.length) > MOST_LINES) return null;
    const restored = new Array(lines.length).fill(usual);
    // The last line of the original has no end.
    for (const [i, j] of matchingLines(original.split(NEWLINE), lines)) if (i < old.length) restored[j] = old[i];
    return lines.map((line, number) => line + (number < lines.length - 1 ? restored[number] : "")).join("");
  }

  // The equal lines of two texts that stand for each other, as pairs of rising positions.
  function matchingLines(old, lines) {
    return matching(...numbered(old, lines), MOST_COST);
  }

  function matching(a, b, most) {
    const shorter = Math.min(a.length, b.length);
    let start = 0;
    while (start < shorter && a[start] === b[start]) start++;
    let tail = 0;
    while (tail < shorter - start && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
    const middle = [a.subarray(start, a.length - tail), b.subarray(start, b.length - tail)];
    const coarse = most > MOST_COST_BETWEEN ? aroundAnchors : byPosition;
    const pairs = [];
    for (let i = 0; i < start; i++) pairs.push([i, i]);
    for (const [i, j] of byEdits(...middle, most) ?? coarse(...middle)) pairs.push([start + i, start + j]);
    for (let i = tail; i > 0; i--) pairs.push([a.length - i, b.length - i]);
    return pairs;
  }

  // The lines that stay when changing, inserting and removing lines costs as little as possible; null when that is more
  // than `most`. For each cost the furthest row on each diagonal, -1 where none is reached.
  function byEdits(a, b, most) {
    const goal = b.length - a.length;
    const reached = [];
    for (let cost = 0; cost <= most; cost++) {
      const reach = Math.floor(cost / MOVED);
      const now = new Int32Array(2 * reach + 1).fill(-1);
      for (let diagonal = -reach; diagonal <= reach; diagonal++) {
        const way = bestWay(reached, cost, diagonal, a.length, b.length);
        if (way === null) continue;
        let row = way.row;
        while (row < a.length && row + diagonal < b.length && a[row] === b[row + diagonal]) row++;
        now[diagonal + reach] = row;
      }
      reached.push(now);
      if (Math.abs(goal) <= reach && now[goal + reach] === a.length) return pairsByEdits(reached, a.length, b.length);
    }
    return null;
  }

  // The furthest row that one more edit leads to on a diagonal at a cost; of equally far ones by a changed line, a removed
  // one, an inserted one. Null when none does.
  function bestWay(reached, spent, diagonal, rows, columns) {
    if (!spent) return { row: 0, cost: 0, source: 0 };
    let best = null;
    const look = (cost, source, further) => {
      const before = spent < cost ? null : reached[spent - cost];
      const reach = before === null ? -1 : (before.length - 1) / 2;
      if (Math.abs(source) > reach || before[source + reach] < 0) return;
      const row = before[source + reach] + further;
      if (row <= rows && row + diagonal <= columns && (best === null || row > best.row)) best = { row, cost, source };
    };
    look(CHANGED, diagonal, 1);
    look(MOVED, diagonal + 1, 1);
    look(MOVED, diagonal - 1, 0);
    return best;
  }

  function pairsByEdits(reached, rows, columns) {
    const pairs = [];
    let [row, diagonal, spent] = [rows, columns - rows, reached.length - 1];
    for (;;) {
      const way = bestWay(reached, spent, diagonal, rows, columns);
      for (let i = row - 1; i >= way.row; i--) pairs.push([i, i + diagonal]);
      if (!spent) return pairs.reverse();
      row = way.row - (way.source >= diagonal ? 1 : 0);
      diagonal = way.source;
      spent -= way.cost;
    }
  }

  // Lines that occur once in both texts and in the same order, and what a few edits find between them.
  function aroundAnchors(a, b) {
    const pairs = [];
    let [doneA, doneB] = [0, 0];
    for (const [i, j] of [...anchorsOf(a, b), [a.length, b.length]]) {
      const between = matching(a.subarray(doneA, i), b.subarray(doneB, j), MOST_COST_BETWEEN);
      for (const [k, m] of between) pairs.push([doneA + k, doneB + m]);
      if (i < a.length) pairs.push([i, j]);
      [doneA, doneB] = [i + 1, j + 1];
    }
    return pairs;
  }

  function byPosition(a, b) {
    const pairs = [];
    if (a.length === b.length) a.forEach((line, i) => line === b[i] && pairs.push([i, i]));
    return pairs;
  }

  // ---- distances ----

  function codePoints(text) {
    const points = new Int32Array(text.length);
    let count = 0;
    for (let i = 0; i < text.length; i++) {
      const point = text.codePointAt(i);
      if (point > 0xffff) i++;
      points[count++] = point;
    }
    return points.subarray(0, count);
  }

  // Both lists as numbers, equal ones for equal things.
  function numbered(a, b) {
    return finished(numberedInSteps(a, b));
  }

  function* numberedInSteps(a, b) {
    const numbers = new Map();
    const lists = [new Int32Array(a.length), new Int32Array(b.length)];
    for (const [things, list] of [
      [a, lists[0]],
      [b, lists[1]],
    ]) {
      for (let i = 0; i < things.length; i++) {
        let number = numbers.get(things[i]);
        if (number === undefined) numbers.set(things[i], (number = numbers.size));
        list[i] = number;
        if (i % STEPS_AT_ONCE === STEPS_AT_ONCE - 1) yield;
      }
    }
    return lists;
  }

  function trimmed(a, b) {
    let start = 0;
    let endA = a.length;
    let endB = b.length;
    while (start < endA && start < endB && a[start] === b[start]) start++;
    while (endA > start && endB > start && a[endA - 1] === b[endB - 1]) endA--, endB--;
    return [a.subarray(start, endA), b.subarray(start, endB)];
  }

  // The Levenshtein distance, as a generator that yields now and then, so that the caller can keep the page responsive:
  // {number, isLowerBound}. Of a distance of more than `most`, or of more work than the page does, only that it is not
  // below the number is known.
  function* levenshtein(wholeA, wholeB, most) {
    const [a, b] = trimmed(wholeA, wholeB);
    const difference = Math.abs(a.length - b.length);
    const bounded = (number) =>
      number <= most ? { number, isLowerBound: false } : { number: Math.max(most + 1, difference), isLowerBound: true };
    if (!a.length || !b.length) return bounded(difference);
    // Both ways give the distance. Diagonals cost its square, columns the product of the lengths.
    const near = Math.min(most, Math.ceil(Math.sqrt((a.length * b.length) / 64)) + 8);
    const found = yield* distanceByDiagonals(a, b, near);
    if (!found.isLowerBound) return bounded(found.number);
    if (near < most && (a.length * b.length) / 32 <= MOST_WORK) {
      return bounded(yield* distanceByColumns(...(yield* numberedInSteps(a, b))));
    }
    return { number: Math.max(found.number, difference), isLowerBound: true };
  }

  // Ukkonen's way: how far along each diagonal of the table one gets with 0, 1, 2, … edits. A lower bound for
  // more than `most`, or more work than the page does.
  function* distanceByDiagonals(a, b, most) {
    const goal = b.length - a.length;
    if (Math.abs(goal) > most) return { number: most + 1, isLowerBound: true };
    const origin = most + 1;
    // For each diagonal, the furthest row. Two lists, because an edit needs both neighbours as they were before.
    let before = new Int32Array(2 * most + 3).fill(-2);
    let now = before.slice();
    let [looked, worked] = [0, 0];
    for (let edits = 0; edits <= most; edits++) {
      if (worked > MOST_WORK) return { number: edits, isLowerBound: true };
      const last = Math.min(edits, b.length);
      for (let k = -Math.min(edits, a.length); k <= last; k++) {
        const at = origin + k;
        const first = edits ? Math.max(before[at] + 1, before[at - 1], before[at + 1] + 1) : 0;
        let row = first > a.length ? a.length : first;
        if (row + k > b.length) row = b.length - k;
        while (row < a.length && row + k < b.length && a[row] === b[row + k]) row++;
        now[at] = row;
        looked += 1 + Math.max(0, row - first);
        if (looked > STEPS_AT_ONCE) {
          worked += looked;
          looked = 0;
          yield;
        }
      }
      if (Math.abs(goal) <= edits && now[origin + goal] >= a.length) return { number: edits, isLowerBound: false };
      [before, now] = [now, before];
    }
    return { number: most + 1, isLowerBound: true };
  }

  // Myers' bit vectors in Hyyrö's form: 32 rows of the table at once, from one column to the next. `carried` holds
  // what a block of rows passes to the one below it, one number per column.
  function* distanceByColumns(a, b) {
    const carried = new Int8Array(b.length).fill(1);
    const rowsOf = new Int32Array(Math.max(a.reduce(larger, 0), b.reduce(larger, 0)) + 1);
    let distance = a.length;
    for (let top = 0; top < a.length; top += 32) {
      const bottom = Math.min(top + 32, a.length);
      for (let row = top; row < bottom; row++) rowsOf[a[row]] |= 1 << (row - top);
      const isLast = bottom === a.length;
      const shift = bottom - top - 1;
      let rising = -1;
      let falling = 0;
      for (let column = 0; column < b.length; column++) {
        const carry = carried[column];
        const isLower = carry < 0 ? 1 : 0;
        let same = rowsOf[b[column]];
        const vertical = same | falling;
        same |= isLower;
        const horizontal = ((((same & rising) + rising) | 0) ^ rising) | same;
        let up = falling | ~(horizontal | rising);
        let down = rising & horizontal;
        const handedDown = ((up >>> shift) & 1) - ((down >>> shift) & 1);
        if (isLast) distance += handedDown;
        else carried[column] = handedDown;
        up = (up << 1) | (carry > 0 ? 1 : 0);
        down = (down << 1) | isLower;
        rising = down | ~(vertical | up);
        falling = up & vertical;
      }
      for (let row = top; row < bottom; row++) rowsOf[a[row]] = 0;
      if (isLast || top % 256 === 0 || b.length > STEPS_AT_ONCE / 8) yield;
    }
    return distance;
  }

  function larger(a, b) {
    return a > b ? a : b;
  }

  // Like `distances`, as a generator that yields now and then. What both strings begin and end with costs no edit in
  // either measure.
  function* distancesInSteps(original, edited) {
    const found = restoreNewlines(original, edited);
    yield;
    // With all line ends alike, texts differ in the same words, and in no more characters.
    const isFolded = found === null;
    const [whole, restored] = isFolded ? [foldNewlines(original), edited] : [original, found];
    const [start, endA, endB] = changedMiddle(whole, restored);
    const [a, b] = [whole.slice(start, endA), restored.slice(start, endB)];
    const [wordsA, wordsB] = [yield* wordsInSteps(a), yield* wordsInSteps(b)];
    const [idsA, idsB] = yield* numberedInSteps(wordsA.texts, wordsB.texts);
    // The lengths decide what is exact, and only for texts so long that counting them takes a while.
    const isLong = Math.max(whole.length, restored.length) > LONG;
    const sizes = [whole, restored];
    const mostWords = isLong ? yield* mostExact(WORDS_BUDGET, sizes, wordsInSteps, (words) => words.texts.length) : Infinity;
    const words = yield* levenshtein(idsA, idsB, mostWords);
    const mostCharacters = isLong ? yield* mostExact(CHARACTERS_BUDGET, sizes, pointsInSteps, (points) => points.length) : Infinity;
    const characters = yield* levenshtein(codePoints(a), codePoints(b), mostCharacters);
    const isCharactersBound = isFolded || characters.isLowerBound;
    const lowerBounds = [words.isLowerBound && "words", isCharactersBound && "characters"].filter(Boolean);
    return { words: words.number, characters: characters.number, ...(lowerBounds.length ? { lowerBounds } : {}) };
  }

  // The largest distance that is exact for two texts, by the longer one.
  function* mostExact(budget, texts, parts, sizeOf) {
    let longer = 1;
    for (const text of texts) longer = Math.max(longer, sizeOf(yield* parts(text)));
    return Math.max(ALWAYS_EXACT, Math.floor(budget / longer));
  }

  function* pointsInSteps(text) {
    yield;
    return codePoints(text);
  }

  // How many words and characters differ: {words, characters}. Where one of these is a lower bound, `lowerBounds` names it.
  function distances(original, edited) {
    return finished(distancesInSteps(original, edited));
  }

  function finished(steps) {
    for (;;) {
      const step = steps.next();
      if (step.done) return step.value;
    }
  }

  // ---- diff ----

  // The common items of `a` and `b`, as pairs of rising positions. Myers' greedy search; null when more than `most`
  // items differ.
  function commonPairs(a, b, most) {
    let start = 0;
    while (start < a.length && start < b.length && a[start] === b[start]) start++;
    let endA = a.length;
    let endB = b.length;
    while (endA > start && endB > start && a[endA - 1] === b[endB - 1]) endA--, endB--;
    const pairs = [];
    for (let i = 0; i < start; i++) pairs.push([i, i]);
    const inner = innerPairs(a, b, start, endA, endB, most);
    if (inner === null) return null;
    for (const pair of inner) pairs.push(pair);
    for (let i = 0; endA + i < a.length; i++) pairs.push([endA + i, endB + i]);
    return pairs;
  }

  function innerPairs(a, b, start, endA, endB, most) {
    const rows = endA - start;
    const columns = endB - start;
    if (!rows || !columns) return [];
    const limit = Math.min(most, rows + columns);
    if (Math.abs(rows - columns) > limit) return null;
    const origin = limit + 1;
    const furthest = new Int32Array(2 * limit + 3);
    const trace = [];
    for (let edits = 0; edits <= limit; edits++) {
      trace.push(furthest.slice(origin - edits - 1, origin + edits + 2));
      for (let k = -edits; k <= edits; k += 2) {
        const isDown = k === -edits || (k !== edits && furthest[origin + k - 1] < furthest[origin + k + 1]);
        let row = isDown ? furthest[origin + k + 1] : furthest[origin + k - 1] + 1;
        let column = row - k;
        while (row < rows && column < columns && a[start + row] === b[start + column]) row++, column++;
        furthest[origin + k] = row;
        if (row >= rows && column >= columns) return pairsAlong(trace, rows, columns, start);
      }
    }
    return null;
  }

  function pairsAlong(trace, rows, columns, start) {
    const pairs = [];
    let row = rows;
    let column = columns;
    for (let edits = trace.length - 1; row > 0 || column > 0; edits--) {
      const k = row - column;
      const furthest = trace[edits];
      const at = (diagonal) => furthest[diagonal + edits + 1];
      const isDown = k === -edits || (k !== edits && at(k - 1) < at(k + 1));
      const before = edits ? (isDown ? at(k + 1) : at(k - 1)) : 0;
      const beforeColumn = edits ? before - (isDown ? k + 1 : k - 1) : 0;
      while (row > before && column > beforeColumn) pairs.push([start + --row, start + --column]);
      row = before;
      column = beforeColumn;
    }
    return pairs.reverse();
  }

  // The coarser way, for strings with little in common: words that occur once in each string and in the same order, and
  // what a few edits find between them.
  function anchoredPairs(a, b) {
    const pairs = [];
    let [fromA, fromB] = [0, 0];
    for (const [toA, toB] of [...anchorsOf(a, b), [a.length, b.length]]) {
      const between = commonPairs(a.slice(fromA, toA), b.slice(fromB, toB), MOST_WORDS_BETWEEN_ANCHORS) ?? [];
      for (const [i, j] of between) pairs.push([fromA + i, fromB + j]);
      if (toA < a.length) pairs.push([toA, toB]);
      [fromA, fromB] = [toA + 1, toB + 1];
    }
    return pairs;
  }

  // What occurs once in both lists and in the same order, as pairs of positions.
  function anchorsOf(a, b) {
    const once = new Map();
    a.forEach((thing, i) => once.set(thing, once.has(thing) ? null : [i, null]));
    b.forEach((thing, j) => {
      const found = once.get(thing);
      if (found) once.set(thing, found[1] === null ? [found[0], j] : null);
    });
    const shared = [...once.values()].filter((pair) => pair !== null && pair[1] !== null);
    return longestRising(shared.sort((one, other) => one[0] - other[0]));
  }

  // The longest series of pairs in which the second numbers rise, as the first ones do.
  function longestRising(pairs) {
    const ends = [];
    const previous = new Array(pairs.length);
    pairs.forEach((pair, number) => {
      let low = 0;
      let high = ends.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (pairs[ends[middle]][1] < pair[1]) low = middle + 1;
        else high = middle;
      }
      previous[number] = low ? ends[low - 1] : -1;
      ends[low] = number;
    });
    const run = [];
    for (let number = ends.length ? ends[ends.length - 1] : -1; number >= 0; number = previous[number]) {
      run.push(pairs[number]);
    }
    return run.reverse();
  }

  // From here on a diff is a list of blocks {same, deleted, inserted}: either common text, or text that replaces other
  // text (then `same` is empty).

  function diff(original, edited) {
    const a = foldNewlines(original);
    const b = foldNewlines(edited);
    const [start, endA, endB] = changedMiddle(a, b);
    const [goneMiddle, newMiddle] = [a.slice(start, endA), b.slice(start, endB)];
    const isTooLong = goneMiddle.length + newMiddle.length > MOST_DIFFED;
    let blocks = joined([
      { same: a.slice(0, start), deleted: "", inserted: "" },
      ...(isTooLong ? rawBlocks(goneMiddle, newMiddle) : blocksByWords(goneMiddle, newMiddle)),
      { same: a.slice(endA), deleted: "", inserted: "" },
    ]);
    if (blocks.length > MOST_SEGMENTS) blocks = withoutScraps(blocks, (same) => same.length < 40);
    return segmentsOf(blocks);
  }

  // Where the two strings differ, from white space to white space. Most keystrokes change one word of thousands.
  function changedMiddle(a, b) {
    if (a === b) return [a.length, a.length, b.length];
    const shorter = Math.min(a.length, b.length);
    let start = 0;
    while (start < shorter && a[start] === b[start]) start++;
    while (start > 0 && !IS_SPACE.test(a[start - 1])) start--;
    let tail = 0;
    while (tail < shorter - start && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
    while (tail > 0 && !IS_SPACE.test(a[a.length - tail])) tail--;
    return [start, a.length - tail, b.length - tail];
  }

  function blocksByWords(a, b) {
    if (!a && !b) return [];
    if (!a || !b) return [{ same: "", deleted: a, inserted: b }];
    const wordsA = wordsOf(a);
    const wordsB = wordsOf(b);
    const [idsA, idsB] = numbered(wordsA.texts, wordsB.texts);
    const pairs = commonPairs(idsA, idsB, MOST_WORDS) ?? anchoredPairs(idsA, idsB);
    let blocks = [];
    let [fromA, doneA, doneB] = [0, 0, 0];
    for (const [i, j] of pairs) {
      const [startA, startB] = [wordsA.starts[i], wordsB.starts[j]];
      const [gapA, gapB] = [a.slice(doneA, startA), b.slice(doneB, startB)];
      if (gapA !== gapB) {
        const same = a.slice(fromA, doneA);
        blocks.push({ same, deleted: "", inserted: "" }, { same: "", deleted: gapA, inserted: gapB });
        fromA = startA;
      }
      const { length } = wordsA.texts[i];
      doneA = startA + length;
      doneB = startB + length;
    }
    blocks.push({ same: a.slice(fromA, doneA), deleted: "", inserted: "" }, ...rawBlocks(a.slice(doneA), b.slice(doneB)));
    blocks = withoutScraps(joined(blocks), (same, before, after) => 2 * same.length <= Math.min(before, after));
    const budget = { left: MOST_REFINED };
    return blocks.flatMap((block) => (block.same ? [block] : refined(block.deleted, block.inserted, budget)));
  }

  // The words of a string and where they start. A loop, because a regular expression makes an object for each.
  function wordsOf(text) {
    return finished(wordsInSteps(text));
  }

  function* wordsInSteps(text) {
    const found = { texts: [], starts: [] };
    let start = -1;
    for (let i = 0; i <= text.length; i++) {
      const isSpace = i === text.length || isSpaceAt(text, i);
      if (isSpace && start >= 0) {
        found.texts.push(text.slice(start, i));
        found.starts.push(start);
        start = -1;
      } else if (!isSpace && start < 0) start = i;
      if (i % STEPS_AT_ONCE === STEPS_AT_ONCE - 1) yield;
    }
    return found;
  }

  function isSpaceAt(text, i) {
    const code = text.charCodeAt(i);
    return code > 0x20 && code < 0x80 ? false : code === 0x20 || IS_SPACE.test(text[i]);
  }

  function rawBlocks(a, b) {
    if (a === b) return a ? [{ same: a, deleted: "", inserted: "" }] : [];
    return [{ same: "", deleted: a, inserted: b }];
  }

  // A changed stretch, by characters where both sides are similar. Cached: most stay the same between keystrokes.
  const stretches = new Map();

  function refined(a, b, budget) {
    const whole = [{ same: "", deleted: a, inserted: b }];
    if (!a || !b || a.length + b.length > LONGEST_STRETCH) return whole;
    const key = `${a.length} ${a}${b}`;
    let blocks = stretches.get(key);
    if (blocks === undefined) {
      budget.left -= a.length + b.length;
      if (budget.left < 0) return whole;
      blocks = wordByWord(a, b) ?? byCharacters(a, b) ?? aroundTheMiddle(a, b) ?? whole;
      if (stretches.size >= MOST_STRETCHES) stretches.clear();
      stretches.set(key, blocks);
    }
    return blocks;
  }

  // For as many words as before, most of them similar: each compared with the one in its place.
  function wordByWord(a, b) {
    const wordsA = [...a.matchAll(WORD)];
    const wordsB = [...b.matchAll(WORD)];
    if (wordsA.length < 2 || wordsA.length !== wordsB.length) return null;
    const blocks = [];
    let similar = 0;
    let [fromA, fromB] = [0, 0];
    wordsA.forEach((wordA, number) => {
      const wordB = wordsB[number];
      blocks.push(...rawBlocks(a.slice(fromA, wordA.index), b.slice(fromB, wordB.index)));
      const found = byCharacters(wordA[0], wordB[0]);
      if (found) similar++;
      blocks.push(...(found ?? [{ same: "", deleted: wordA[0], inserted: wordB[0] }]));
      fromA = wordA.index + wordA[0].length;
      fromB = wordB.index + wordB[0].length;
    });
    blocks.push(...rawBlocks(a.slice(fromA), b.slice(fromB)));
    return 2 * similar >= wordsA.length ? blocks : null;
  }

  // Null when less than half of the longer string is common.
  function byCharacters(a, b) {
    const [unitsA, unitsB] = [units(a), units(b)];
    const pairs = commonPairs(unitsA, unitsB, Math.min(MOST_CHARACTERS, unitsA.length, unitsB.length));
    if (pairs === null) return null;
    let blocks = [];
    let [fromA, fromB] = [0, 0];
    for (const [i, j] of [...pairs, [unitsA.length, unitsB.length]]) {
      const [deleted, inserted] = [unitsA.slice(fromA, i).join(""), unitsB.slice(fromB, j).join("")];
      if (deleted || inserted) blocks.push({ same: "", deleted, inserted });
      if (i < unitsA.length) blocks.push({ same: unitsA[i], deleted: "", inserted: "" });
      [fromA, fromB] = [i + 1, j + 1];
    }
    blocks = withoutScraps(joined(blocks), (same, before, after) => same.length <= before && same.length <= after);
    const common = blocks.reduce((sum, block) => sum + block.same.length, 0);
    return 2 * common >= Math.max(a.length, b.length) ? blocks : null;
  }

  // The change between a common beginning and a common end; null when these are too short to be worth showing.
  function aroundTheMiddle(a, b) {
    const [unitsA, unitsB] = [units(a), units(b)];
    const shorter = Math.min(unitsA.length, unitsB.length);
    let start = 0;
    while (start < shorter && unitsA[start] === unitsB[start]) start++;
    let tail = 0;
    while (tail < shorter - start && unitsA[unitsA.length - 1 - tail] === unitsB[unitsB.length - 1 - tail]) tail++;
    if (start + tail < 3 || 2 * (start + tail) < shorter) return null;
    const text = (list, from, to) => list.slice(from, to).join("");
    return [
      { same: text(unitsA, 0, start), deleted: "", inserted: "" },
      {
        same: "",
        deleted: text(unitsA, start, unitsA.length - tail),
        inserted: text(unitsB, start, unitsB.length - tail),
      },
      { same: text(unitsA, unitsA.length - tail), deleted: "", inserted: "" },
    ];
  }

  // What a reader sees as one character: a letter with its accents, an emoji of several code points.
  const graphemes = typeof Intl.Segmenter === "function" ? new Intl.Segmenter() : null;

  function units(text) {
    if (graphemes === null || ASCII.test(text)) return Array.from(text);
    return Array.from(graphemes.segment(text), (part) => part.segment);
  }

  // The blocks with neighbours of one kind joined, and without empty ones.
  function joined(blocks) {
    const kept = [];
    for (const block of blocks) {
      const last = kept[kept.length - 1];
      if (!block.same && !block.deleted && !block.inserted) continue;
      if (last && Boolean(last.same) === Boolean(block.same)) {
        last.same += block.same;
        last.deleted += block.deleted;
        last.inserted += block.inserted;
      } else kept.push({ ...block });
    }
    return kept;
  }

  // Scraps of equal text between changes are confusing: those for which `isScrap` (same text, size of the change
  // before, size of the change after) holds become part of the change around them. The blocks alternate: same,
  // changed, same, …
  function withoutScraps(blocks, isScrap) {
    const kept = [];
    const size = (block) => Math.max(block.deleted.length, block.inserted.length);
    for (const block of blocks) {
      let last = { ...block };
      for (;;) {
        const [before, same] = kept.slice(-2);
        if (last.same || !same || !before || !same.same || before.same) break;
        if (!isScrap(same.same, size(before), size(last))) break;
        kept.length -= 2;
        last = {
          same: "",
          deleted: before.deleted + same.same + last.deleted,
          inserted: before.inserted + same.same + last.inserted,
        };
      }
      kept.push(last);
    }
    return kept;
  }

  function segmentsOf(blocks) {
    const segments = [];
    for (const { same, deleted, inserted } of joined(blocks)) {
      if (same) segments.push({ kind: "same", text: same });
      segments.push(...splitAtNewlines("deleted", deleted), ...splitAtNewlines("inserted", inserted));
    }
    return segments;
  }

  // Of very many lines, one segment: nobody looks at each of them.
  function splitAtNewlines(kind, text) {
    const parts = text.split("\n", MOST_SEGMENTS + 1).length > MOST_SEGMENTS ? [text] : (text.match(/\n|[^\n]+/g) ?? []);
    return parts.map((part) => ({ kind, text: part }));
  }

  // The text of a changed segment, with visible signs for line breaks, tabs, and blanks without other text.
  function visible({ kind, text }) {
    if (kind === "same") return text;
    if (text === "\n") return "↵\n";
    const marked = text.replaceAll("\t", "→\t");
    return ONLY_SPACE.test(text) ? marked.replaceAll(" ", "·").replaceAll("\u00a0", "⍽") : marked;
  }

  return { diff, distances, distancesInSteps, foldNewlines, restoreNewlines, visible };
})();
