// How one correction looks. Every text of a trace becomes a text node; nothing is ever parsed as markup.
const reportCorrection = (() => {
  "use strict";

  // So much of an unchanged stretch is shown before and after a change, and so much of any stretch at all.
  const CONTEXT = 240;
  const MOST = 1600;
  const TAGS = { same: "span", deleted: "del", inserted: "ins" };

  function element(tag, className, ...children) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    made.append(...children);
    return made;
  }

  function counted(number, noun) {
    return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
  }

  function place(row) {
    if (row.step === null) return "final answer";
    if (row.step === -1) return "before step 1";
    return `${row.kind === "inserted" ? "after " : ""}step ${row.step + 1}`;
  }

  // What the correction is of: the field, or the whole step.
  function what(row) {
    if (row.kind === "edited") return row.field;
    return row.inGap > 1 ? `${row.kind}, ${row.position + 1} of ${row.inGap}` : row.kind;
  }

  // A guess at how high a correction is in pixels, before it is there: for the scroll bar.
  function guessedHeight(row, width, isSplit) {
    const columns = Math.max(20, width / (isSplit ? 2 : 1) / 8);
    const texts = row.kind === "edited" ? [row.original] : row.texts.map(([, text]) => text);
    const names = row.kind === "edited" ? 0 : texts.length * 26;
    const letters = Math.min(texts.join("").length, 1200) + (isSplit ? 0 : Math.min(row.characters, 1200));
    return 112 + names + Math.ceil(letters / columns) * 22 + (row.reason.trim() ? 32 : 0) + (row.labels.length ? 32 : 0);
  }

  // `row` is a correction; `link` is the address of its task or null, `number` its place among `total`.
  function article(row, { link, isSplit, number, total }) {
    const made = element("article", "correction", heading(row, link), (row.kind === "edited" ? texts : step)(row, isSplit));
    made.tabIndex = -1;
    made.dataset.key = row.key;
    made.setAttribute("aria-posinset", number + 1);
    made.setAttribute("aria-setsize", total);
    made.setAttribute("aria-label", `${row.trace}, ${place(row)}, ${what(row)}`);
    if (row.reason.trim()) {
      const text = element("bdi", "", row.reason.trim());
      made.append(element("p", "reason", element("b", "", "Reason"), " ", text));
    }
    if (row.labels.length) {
      made.append(element("ul", "labels", ...row.labels.map((label) => element("li", "", element("bdi", "", label)))));
    }
    return made;
  }

  function heading(row, link) {
    const self = element("a", "self", element("bdi", "", row.trace));
    self.href = `#${new URLSearchParams({ correction: row.key })}`;
    self.title = "Link to this correction";
    const where = element("span", "where", place(row));
    if (row.step !== null) where.append(" · ", element("bdi", "", what(row)));
    const parts = [element("h3", "", self, " ", where)];
    const facts = element("p", "facts", "by ", element("bdi", "", row.annotator), ` · ${size(row)}`);
    if (row.isInRemovedStep) facts.append(" · not in the corrected trace: the step was removed");
    if (row.parent) facts.append(` · round ${row.round}, continues `, element("bdi", "", row.parent));
    if (link) {
      const out = element("a", "", "Open in Label Studio");
      out.href = link;
      out.rel = "noreferrer";
      out.setAttribute("aria-label", `Open ${row.trace} in Label Studio`);
      facts.append(" · ", out);
    }
    return element("header", "", ...parts, facts);
  }

  function size(row) {
    if (row.kind !== "edited") return counted(row.characters, "character");
    const atLeast = (key) => (row.lowerBounds.includes(key) ? "≥ " : "");
    const characters = `${atLeast("edit_distance_chars")}${counted(row.characters, "character")}`;
    return `${characters}, ${atLeast("edit_distance_words")}${counted(row.words, "word")}`;
  }

  // A whole step, field by field: on the side on which it is, where both are shown.
  function step(row, isSplit) {
    const kind = row.kind === "removed" ? "deleted" : "inserted";
    const parts = row.texts.flatMap(([name, text]) => [
      ...(name ? [element("p", "name", element("bdi", "", name))] : []),
      panel("diff", [{ kind, text }]),
    ]);
    const whole = element("div", `step ${row.kind}`, ...(parts.length ? parts : [panel("diff", [])]));
    if (!isSplit) return whole;
    const side = (name, ...shown) => element("div", "side", element("h4", "", name), ...shown);
    const none = element("p", "none", "not there");
    const [original, corrected] = row.kind === "removed" ? [whole, none] : [none, whole];
    return element("div", "split", side("Original", original), side("Corrected", corrected));
  }

  function texts(row, isSplit) {
    const segments = trajedit.diff(row.original, row.edited);
    if (!isSplit) return panel("diff", segments);
    const side = (name, kind) =>
      element("div", "side", element("h4", "", name), panel("diff", segments.filter((segment) => segment.kind !== kind)));
    return element("div", "split", side("Original", "inserted"), side("Corrected", "deleted"));
  }

  function panel(className, segments) {
    const made = element("div", className);
    made.dir = "auto";
    segments.forEach((segment, number) => {
      const isSame = segment.kind === "same";
      const before = number === 0 && isSame ? 0 : isSame ? CONTEXT : MOST / 2;
      const after = number === segments.length - 1 && isSame ? 0 : isSame ? CONTEXT : MOST / 2;
      made.append(...folded(segment, before, after));
    });
    if (!segments.length) made.append(element("span", "empty", "empty"));
    return made;
  }

  // The segment with all but `before` letters at its start and `after` at its end put behind a button.
  function folded(segment, before, after) {
    const text = segment.text;
    const from = before || 0;
    let start = from;
    let end = text.length - after;
    if (end - start < CONTEXT) return [piece(segment, text)];
    // Not within a surrogate pair.
    if (start && isLow(text, start)) start++;
    if (isLow(text, end)) end--;
    const button = element("button", "more", `… ${counted(end - start, segment.kind === "same" ? "unchanged character" : "more character")} …`);
    button.type = "button";
    button.addEventListener("click", () => button.replaceWith(piece(segment, text.slice(start, end))));
    const parts = [button];
    if (start) parts.unshift(piece(segment, text.slice(0, start)));
    if (end < text.length) parts.push(piece(segment, text.slice(end)));
    return parts;
  }

  function isLow(text, at) {
    const unit = text.charCodeAt(at);
    return unit >= 0xdc00 && unit < 0xe000;
  }

  function piece(segment, text) {
    return element(TAGS[segment.kind], "", trajedit.visible({ kind: segment.kind, text }));
  }

  return { article, counted, element, guessedHeight };
})();
