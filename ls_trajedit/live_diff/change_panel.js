// The panel under an edited editor: the mark, the numbers, Reset, what is missing, and the diff. All text is inserted
// as text nodes. The panel has its own shadow root, so that neither Label Studio's styles nor those of the labeling
// config reach it.
const changePanel = (() => {
  // How many characters of unchanged text are shown next to a change, and how many pieces a panel shows.
  const CONTEXT = 80;
  const MOST_PIECES = 400;
  // So much of a changed stretch is shown, from its beginning and its end: more takes the browser long to lay out.
  const MOST_CHANGED = 20_000;
  // A panel with more text than this is likely to scroll, and what scrolls must be reachable with the keyboard.
  const LONG = 600;
  const CONTROLS = /[\u200b-\u200f\u202a-\u202e\u2060-\u2069]/;

  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
    :host { display: block; }
    .bar { display: flex; flex-wrap: wrap; gap: 2px 10px; align-items: baseline; padding: 4px 0; }
    .mark { font-weight: 700; color: var(--trajedit-changed); }
    .counts { color: var(--trajedit-quiet); }
    .missing { margin: 0; padding: 0 0 4px; font-weight: 600; color: var(--trajedit-missing); }
    .missing:empty, .diff:empty, .counts:empty { display: none; }
    button {
      margin-left: auto; padding: 1px 10px; font: inherit; color: var(--trajedit-strong);
      background: transparent; border: 1px solid currentColor; border-radius: 4px; cursor: pointer;
    }
    button:focus-visible, .diff:focus-visible { outline: 2px solid var(--trajedit-changed); outline-offset: 1px; }
    .diff {
      max-height: 40vh; padding: 6px 10px; overflow: auto; color: var(--trajedit-strong);
      border-left: 3px solid var(--trajedit-changed);
      font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace;
      white-space: pre-wrap; overflow-wrap: anywhere; tab-size: 4; unicode-bidi: plaintext;
    }
    ins { color: var(--trajedit-inserted); background: var(--trajedit-inserted-back); text-decoration: underline; }
    del { color: var(--trajedit-deleted); background: var(--trajedit-deleted-back); text-decoration: line-through; }
    .controls { unicode-bidi: isolate; }
    .left-out { color: var(--trajedit-quiet); }
    @media (forced-colors: active) { ins, del { forced-color-adjust: none; } }
  `);

  function make(label, reset) {
    const host = element("div", "trajedit-changes");
    const shadow = host.attachShadow({ mode: "open" });
    shadow.adoptedStyleSheets = [sheet];
    const bar = element("div", "bar");
    const counts = element("span", "counts");
    const missing = element("p", "missing");
    const diff = element("div", "diff");
    let shown = [];
    const mark = element("span", "mark");
    bar.append(mark, counts);
    if (reset !== null) {
      const button = element("button", "reset", "Reset");
      button.type = "button";
      button.setAttribute("aria-label", `Reset ${label}`);
      button.addEventListener("click", reset);
      bar.append(button);
    }
    diff.setAttribute("role", "group");
    diff.setAttribute("aria-label", `Changes of ${label}`);
    shadow.append(bar, missing, diff);
    // Label Studio has hotkeys for the whole page, and would catch the keys that press a button.
    host.addEventListener("keydown", (event) => event.stopPropagation());
    return {
      host,
      showMark: (text) => setText(mark, text),
      showCounts: (text) => {
        counts.removeAttribute("aria-busy");
        setText(counts, text);
      },
      showCounting: () => {
        counts.setAttribute("aria-busy", "true");
        if (!counts.textContent) setText(counts, "counting …");
      },
      showMissing: (text) => setText(missing, text),
      showDiff: (segments) => {
        const pieces = piecesOf(segments);
        fill(diff, shown, pieces);
        shown = pieces;
        const isLong = pieces.reduce((length, piece) => length + piece.text.length, 0) > LONG;
        if (isLong) diff.tabIndex = 0;
        else diff.removeAttribute("tabindex");
      },
    };
  }

  // The visible pieces of a diff: {name, className, text} of each element.
  function piecesOf(segments) {
    const pieces = segments.slice(0, MOST_PIECES).map((segment, number) => {
      const isLast = number === segments.length - 1;
      const text =
        segment.kind === "same"
          ? shortened(segment.text, number === 0, isLast)
          : trajedit.visible({ kind: segment.kind, text: withoutMiddle(segment.text) });
      const name = { same: "span", inserted: "ins", deleted: "del" }[segment.kind];
      // A character that changes the direction of text affects only its own piece.
      return { name, className: CONTROLS.test(text) ? "controls" : "", text };
    });
    if (segments.length > MOST_PIECES) pieces.push({ name: "span", className: "left-out", text: " … and more changes" });
    return pieces;
  }

  // Puts the pieces into the parent, which shows `before`. From one keystroke to the next, most of them stay.
  function fill(parent, before, pieces) {
    const isSame = (a, b) => a.text === b.text && a.name === b.name && a.className === b.className;
    const shorter = Math.min(before.length, pieces.length);
    let start = 0;
    while (start < shorter && isSame(before[start], pieces[start])) start++;
    let tail = 0;
    while (tail < shorter - start && isSame(before.at(-1 - tail), pieces.at(-1 - tail))) tail++;
    const next = parent.childNodes[before.length - tail] ?? null;
    for (let left = before.length - tail - start; left > 0; left--) parent.childNodes[start].remove();
    for (const { name, className, text } of pieces.slice(start, pieces.length - tail)) {
      parent.insertBefore(element(name, className, text), next);
    }
  }

  function shortened(text, isFirst, isLast) {
    const most = isFirst || isLast ? CONTEXT : 2 * CONTEXT;
    if (text.length <= most + 20) return text;
    const head = isFirst ? "" : text.slice(0, breakBefore(text, CONTEXT));
    const tail = isLast ? "" : text.slice(breakBefore(text, text.length - CONTEXT));
    return `${head}…${tail}`;
  }

  function withoutMiddle(text) {
    if (text.length <= MOST_CHANGED) return text;
    const [head, tail] = [breakBefore(text, MOST_CHANGED / 2), breakBefore(text, text.length - MOST_CHANGED / 2)];
    return `${text.slice(0, head)} … ${text.slice(tail)}`;
  }

  // `at`, or one less when `at` would split a character.
  function breakBefore(text, at) {
    return (text.charCodeAt(at) & 0xfc00) === 0xdc00 ? at - 1 : at;
  }

  function element(name, className, text = "") {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text) made.append(text);
    return made;
  }

  function setText(node, text) {
    if (node.textContent !== text) node.textContent = text;
  }

  return { element, make, setText };
})();
