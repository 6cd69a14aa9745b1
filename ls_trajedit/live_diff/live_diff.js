// The live diff: under each edited editor of Label Studio's page it shows what was changed, and it marks and counts
// edited fields and cards. ls_trajedit/live_diff/script.py defines VERSION and BACKEND in front of it.

const MARK = "trajeditLiveDiff";
const SETTLED_MS = 1000;
const SLICE_MS = 3;
const FIRST_SLICE_MS = 2;
const COUNT_AFTER_MS = 150;
// Texts of more characters than this are not counted at each key, not even for one slice.
const LONG = 50_000;
const SAME_VALUE = "same value";
const EDITED = "data-trajedit-edited";
const OWN = /^trajedit-(changes|edited-mark|edited-count|announcement)$/;
const UNEXPLAINED = "data-trajedit-reason-missing";
const REMOVED = "data-trajedit-removed";
const FLAGS = {
  showDiff: "trajedit-show-diff",
  showCounts: "trajedit-show-edit-distance",
  allowReset: "trajedit-allow-reset",
  requireReason: "trajedit-require-reason",
};

const pageSheet = new CSSStyleSheet();
pageSheet.replaceSync(`
  .trajedit {
    --trajedit-changed: #8a4b00; --trajedit-quiet: #57544d; --trajedit-strong: #262522; --trajedit-missing: #a11212;
    --trajedit-inserted: #0b5323; --trajedit-inserted-back: #d8f3dd;
    --trajedit-deleted: #8c1015; --trajedit-deleted-back: #fde0df;
  }
  [data-color-scheme="dark"] .trajedit {
    --trajedit-changed: #f5b65b; --trajedit-quiet: #b5b0a5; --trajedit-strong: #f3f1ec; --trajedit-missing: #ff9c94;
    --trajedit-inserted: #a5ecb5; --trajedit-inserted-back: #123b1d;
    --trajedit-deleted: #ffb9b4; --trajedit-deleted-back: #4d1619;
  }
  .trajedit .trajedit-changes { font-size: 12px; line-height: 18px; }
  .trajedit .trajedit-field[data-trajedit-edited],
  .trajedit .trajedit-step[data-trajedit-edited] > .trajedit-title { box-shadow: inset 4px 0 0 var(--trajedit-changed); }
  .trajedit .trajedit-step[data-trajedit-edited] > .trajedit-title { position: relative; }
  .trajedit .trajedit-inserted[data-trajedit-edited] > .trajedit-title { position: relative; }
  .trajedit [data-trajedit-removed] :is(.trajedit-original, .trajedit-context, .trajedit-call-name, .trajedit-result) {
    color: var(--trajedit-deleted) !important; background: var(--trajedit-deleted-back) !important;
    text-decoration: line-through;
  }
  .trajedit :is(.trajedit-structure, .trajedit-title) + .trajedit-changes { margin: 2px 12px; }
  .trajedit [data-trajedit-reason-missing] textarea { border-bottom: 2px dashed var(--trajedit-missing) !important; }
  .trajedit .trajedit-title .trajedit-edited-mark {
    position: absolute; top: 4px; right: 12px; font-weight: 700; color: var(--trajedit-changed);
  }
  .trajedit .trajedit-edited-count { font-size: 12px; font-weight: 700; color: var(--trajedit-changed); }
  .trajedit .trajedit-edited-count:empty { display: none; }
  .trajedit .trajedit-announcement {
    position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap;
  }
`);

// What is known of each box: {text, editor, state, problem, panel, counting, numbers}.
let known = new Map();
// The panel of each card of a removed or inserted step.
let cardPanels = new Map();
let shownTask = null;
let lookAgain = 0;
let announcing = 0;
let lastTyped = null;
// The boxes to look at in the next frame, and whether to look at the whole page.
const touched = new Set();
let pageChanged = true;
const page = new MutationObserver(onChange);
// What is ticked changes without any node that comes or goes, for instance by Label Studio's Undo.
const ticks = new MutationObserver(() => {
  pageChanged = true;
  askToLook();
});

function start() {
  const root = document.documentElement;
  const other = root.dataset[MARK];
  if (other !== undefined) {
    const advice = other === VERSION ? "this one stays off" : `its version is ${other}, this one, ${VERSION}, stays off`;
    console.info(`ls-trajedit live diff: the page already has it; ${advice}`);
    return;
  }
  root.dataset[MARK] = VERSION;
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, pageSheet];
  page.observe(root, { childList: true, subtree: true });
  window.addEventListener("input", onInput, true);
  window.addEventListener("click", onClick, true);
  keepTyping.start();
  askToLook();
  window[MARK] = { version: VERSION, remove };
  askBackend();
}

function remove() {
  page.disconnect();
  ticks.disconnect();
  cancelAnimationFrame(lookAgain);
  clearTimeout(announcing);
  window.removeEventListener("input", onInput, true);
  window.removeEventListener("click", onClick, true);
  keepTyping.stop();
  for (const found of known.values()) forget(found);
  known = new Map();
  keepPanels(new Map());
  for (const root of document.getElementsByClassName(pageFields.ROOT)) {
    for (const own of root.querySelectorAll(".trajedit-edited-mark, .trajedit-edited-count, .trajedit-announcement")) {
      own.remove();
    }
    setMarks(root, EDITED, new Set());
    setMarks(root, UNEXPLAINED, new Set());
    setMarks(root, REMOVED, new Set());
  }
  document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => sheet !== pageSheet);
  delete document.documentElement.dataset[MARK];
  delete window[MARK];
}

function onInput(event) {
  lastTyped = event.target;
  touched.add(event.target);
  askToLook();
}

// What is ticked is announced as what is typed is, but has no `input` event.
function onClick({ target }) {
  if (!target.closest(`.${pageFields.ROOT} .trajedit-structure input`)) return;
  // Label Studio puts another box into its place.
  lastTyped = target.closest(`.${pageFields.ROOT}`);
  clearTimeout(announcing);
  announcing = setTimeout(announce, SETTLED_MS);
}

// With each keystroke, React writes into the box's own text: no reason to look at more than that box.
function onChange(records) {
  for (const { target, addedNodes, removedNodes } of records) {
    if (target.localName === "textarea") touched.add(target);
    else if (!isOwn(target) && ![...addedNodes, ...removedNodes].every(isOwn)) pageChanged = true;
  }
  if (pageChanged || touched.size) askToLook();
}

function isOwn(node) {
  return typeof node.className === "string" && OWN.test(node.className);
}

// However much happens on the page, it is looked at once a frame.
function askToLook() {
  if (!lookAgain) lookAgain = requestAnimationFrame(look);
}

function look() {
  lookAgain = 0;
  const task = pageFields.openTask();
  if (!pageFields.isSameTask(task, shownTask)) {
    shownTask = task;
    pageChanged = true;
    for (const found of known.values()) forget(found);
    known = new Map();
    keepPanels(new Map());
  }
  let toMark = pageChanged && lookForTicks();
  if (pageChanged) toMark = lookForBoxes() || toMark;
  for (const box of pageChanged ? known.keys() : touched) toMark = lookAt(box) || toMark;
  pageChanged = false;
  touched.clear();
  if (toMark) markPage();
}

// Watches what removes and inserts steps; returns whether there is any of that.
function lookForTicks() {
  const rows = document.querySelectorAll(`.${pageFields.ROOT} .trajedit-structure`);
  for (const row of rows) ticks.observe(row, { subtree: true, attributes: true, attributeFilter: ["class"] });
  for (const card of document.querySelectorAll(`.${pageFields.ROOT} .trajedit-inserted`)) {
    ticks.observe(card, { attributes: true, attributeFilter: ["style"] });
  }
  return rows.length > 0;
}

// Finds the page's boxes; returns whether they have changed.
function lookForBoxes() {
  const before = known;
  known = new Map();
  let anyNew = false;
  for (const box of pageFields.boxes()) {
    anyNew ||= !before.has(box);
    known.set(box, before.get(box) ?? { text: undefined, state: "same", problem: "", panel: null, counting: 0 });
  }
  for (const [box, found] of before) if (!known.has(box)) forget(found);
  return anyNew || known.size !== before.size;
}

// Shows the state of a box; returns whether that changes the marks of the page.
function lookAt(box) {
  const found = known.get(box);
  if (!found) return false;
  const text = pageFields.textOf(box);
  const isShown = !found.panel || found.panel.host.isConnected;
  if (text === found.text && isShown) return false;
  const before = found.state;
  const problemBefore = found.problem;
  found.text = text;
  update(box, found);
  clearTimeout(announcing);
  announcing = setTimeout(announce, SETTLED_MS);
  return found.editor === null || found.state !== before || found.problem !== problemBefore || !isShown;
}

function update(box, found) {
  const editor = pageFields.editorOf(box);
  found.editor = editor;
  found.state = editor === null ? "same" : pageFields.compare(editor, found.text);
  found.problem = problemOf(found);
  if (found.state === "same") {
    forget(found);
    return;
  }
  const flags = flagsOf(box);
  if (!found.panel) {
    const canReset = flags.allowReset && box.localName === "textarea" && !box.readOnly && !box.disabled;
    const reset = () => keepTyping.replace(box, trajedit.foldNewlines(found.editor.original));
    found.panel = changePanel.make(labelOf(box), canReset ? reset : null);
  }
  const { host } = found.panel;
  const place = box.closest('[data-testid="textarea-control"]') ?? box;
  if (place.nextElementSibling !== host) place.after(host);
  found.panel.showMark(editor.place !== null ? "inserted" : isEdited(found) ? "edited" : SAME_VALUE);
  if (flags.showDiff) found.panel.showDiff(trajedit.diff(editor.original, found.text));
  if (flags.showCounts) count(found);
}

function isEdited(found) {
  return found.state === "edited" || found.state === "broken";
}

// What would be wrong with the text of a box as a correction.
function problemOf({ editor, state, text }) {
  if (state === "broken") return "This field holds JSON, and its text is not JSON: it will be rejected.";
  return state === "edited" ? pageFields.callProblem(editor, text, textOfCall) : "";
}

// The text in the box of a part of the call at this place, or null when there is no such box.
function textOfCall(at, part) {
  for (const [box, { editor, text }] of known) {
    if (editor?.call?.at === at && editor.call.part === part) return text === undefined ? pageFields.textOf(box) : text;
  }
  return null;
}

// Removes what an edited box has.
function forget(found) {
  clearTimeout(found.counting);
  found.counting = 0;
  found.numbers = "";
  found.panel?.host.remove();
  found.panel = null;
}

// The numbers take one slice of time unless the texts are very different. Then they are counted once the typing pauses,
// in slices between the frames.
function count(found) {
  clearTimeout(found.counting);
  const steps = trajedit.distancesInSteps(found.editor.original, found.text);
  const go = (isFirst) => {
    const until = performance.now() + (isFirst ? FIRST_SLICE_MS : SLICE_MS);
    do {
      const step = steps.next();
      if (step.done) {
        found.counting = 0;
        const { words, characters, lowerBounds = [] } = step.value;
        const atLeast = (measure) => (lowerBounds.includes(measure) ? "≥ " : "");
        found.numbers =
          `${atLeast("words")}${counted(words, "word")}, ` +
          `${atLeast("characters")}${counted(characters, "character")}${found.editor.place === null ? " changed" : ""}`;
        found.panel.showCounts(found.numbers);
        return;
      }
    } while (performance.now() < until);
    wait(isFirst ? COUNT_AFTER_MS : 0);
  };
  const wait = (pause) => {
    found.panel.showCounting();
    found.counting = setTimeout(go, pause, false);
  };
  if (found.editor.original.length + found.text.length > LONG) wait(COUNT_AFTER_MS);
  else go(true);
}

// Marks what the boxes add up to: fields, cards, missing reasons, and the count of the page.
function markPage() {
  for (const root of document.getElementsByClassName(pageFields.ROOT)) markRoot(root);
}

function markRoot(root) {
  const { requireReason } = flagsOf(root);
  const reasons = new Map();
  const edited = [];
  for (const [box, found] of known) {
    if (!root.contains(box)) continue;
    if (isEdited(found)) {
      const isOut = found.editor.place !== null || stepStructure.isRemoved(box.closest(".trajedit-step"));
      if (!isOut) edited.push([box, found]);
      else found.panel.showMissing(found.problem);
    } else if (found.panel) found.panel.showMissing("");
    else reasons.set(pageFields.controlOf(box), box);
  }
  const fields = new Set();
  const cards = new Map();
  const unexplained = new Set();
  for (const [box, found] of edited) {
    const field = box.closest(".trajedit-field");
    const card = box.closest(".trajedit-step");
    if (field) fields.add(field);
    if (card) cards.set(card, (cards.get(card) ?? 0) + 1);
    const reason = requireReason ? reasons.get(found.editor.reason) : undefined;
    const isMissing = reason !== undefined && !pageFields.textOf(reason)?.trim();
    if (isMissing) unexplained.add(reason.closest(".trajedit-reason") ?? reason.parentElement);
    found.panel.showMissing([found.problem, isMissing ? "The reason is missing." : ""].filter(Boolean).join(" "));
  }
  const marks = new Map([...cards].map(([card, number]) => [card, `${number} edited`]));
  const panels = new Map();
  const removed = stepStructure.removed(root).map((card) => markRemoved(card, marks, panels));
  const filled = stepStructure.inserted(root).map((card) => markInserted(card, marks, panels)).filter(Boolean);
  for (const { reason, panel, problem } of [...removed, ...filled]) {
    const isMissing = requireReason && reason !== null && !pageFields.textOf(reason)?.trim();
    if (isMissing) unexplained.add(reason.closest(".trajedit-reason") ?? reason.parentElement);
    panel.showMissing([problem, isMissing ? "The reason is missing." : ""].filter(Boolean).join(" "));
  }
  keepPanels(panels, root);
  setMarks(root, EDITED, new Set([...fields, ...marks.keys()]));
  setMarks(root, UNEXPLAINED, unexplained);
  setMarks(root, REMOVED, new Set(removed.map(({ card }) => card)));
  markCards(root, marks);
  const done = [
    edited.length ? `${counted(edited.length, "field")} edited` : "",
    removed.length ? `${counted(removed.length, "step")} removed` : "",
    filled.length ? `${counted(filled.length, "step")} inserted` : "",
    unexplained.size ? `${counted(unexplained.size, "reason")} missing` : "",
  ];
  showCount(root, done.filter(Boolean).join(", "));
}

function markRemoved(card, marks, panels) {
  const tick = () => stepStructure.tickOfRemoval(card);
  const panel = panelOf(card, titleOf(card), tick().disabled ? null : () => takeBack(tick), flagsOf(card));
  const row = tick().closest(".trajedit-structure");
  if (row.nextElementSibling !== panel.host) row.after(panel.host);
  panel.showMark("removed");
  marks.set(card, "removed");
  panels.set(card, panel);
  return { card, panel, reason: card.querySelector(".trajedit-removal textarea"), problem: "" };
}

// Marks the card of an inserted step; returns null for one in which nothing is written, which inserts nothing.
function markInserted(card, marks, panels) {
  const boxes = [...known].filter(([box, { editor }]) => card.contains(box) && editor !== null);
  const reason = [...card.querySelectorAll(".trajedit-reason textarea")].at(-1) ?? null;
  const filled = boxes.filter(([, found]) => isEdited(found));
  const name = boxes.length ? pageFields.controlOf(boxes[0][0]) : "";
  const tick = () => stepStructure.tickOf(card, name);
  const canReset = tick() !== null && !tick().disabled;
  const empty = () => {
    for (const [box] of boxes) if (box.value) keepTyping.replace(box, "");
    if (reason?.value) keepTyping.replace(reason, "");
    takeBack(tick);
  };
  const panel = panelOf(card, insertedLabel(card, name), canReset ? empty : null, flagsOf(card));
  const title = card.querySelector(".trajedit-title");
  if (title && title.nextElementSibling !== panel.host) title.after(panel.host);
  panel.showMark(filled.length ? "inserted" : "empty");
  panel.showCounts(filled.length ? "" : "nothing is inserted while all its boxes are empty");
  if (filled.length) marks.set(card, "inserted");
  panels.set(card, panel);
  if (!filled.length) panel.showMissing("");
  return filled.length ? { panel, reason, problem: insertedProblem(filled) } : null;
}

// What would be wrong with an inserted step as a whole.
function insertedProblem(filled) {
  const parts = new Set(filled.map(([, { editor }]) => editor.call?.part));
  if (parts.has("arguments") && !parts.has("name")) return "The call has no tool: it will be rejected.";
  return filled.every(([, { editor }]) => editor.isHeard) ? "The agent does nothing in this step: it will be rejected." : "";
}

// Unticks a box. Label Studio puts another one into its place, which `tick` finds.
function takeBack(tick) {
  tick()?.click();
  requestAnimationFrame(() => tick()?.focus());
}

function panelOf(card, label, reset, { allowReset }) {
  return cardPanels.get(card) ?? changePanel.make(label, allowReset ? reset : null);
}

// Removes the panels of cards below the root (or of all) that are no longer removed or inserted.
function keepPanels(wanted, root = null) {
  for (const [card, panel] of cardPanels) {
    if (wanted.has(card) || (root && card.isConnected && !root.contains(card))) continue;
    panel.host.remove();
    cardPanels.delete(card);
  }
  for (const [card, panel] of wanted) cardPanels.set(card, panel);
}

function setMarks(root, attribute, wanted) {
  for (const marked of root.querySelectorAll(`[${attribute}]`)) {
    if (!wanted.has(marked)) marked.removeAttribute(attribute);
  }
  for (const node of wanted) if (!node.hasAttribute(attribute)) node.setAttribute(attribute, "");
}

function markCards(root, cards) {
  for (const mark of root.querySelectorAll(".trajedit-edited-mark")) {
    if (!cards.has(mark.closest(".trajedit-step, .trajedit-inserted"))) mark.remove();
  }
  for (const [card, text] of cards) {
    const title = card.querySelector(".trajedit-title") ?? card;
    let mark = title.querySelector(".trajedit-edited-mark");
    if (!mark) title.append((mark = changePanel.element("span", "trajedit-edited-mark")));
    changePanel.setText(mark, text);
  }
}

function showCount(root, text) {
  let count = root.querySelector(".trajedit-edited-count");
  if (!count) {
    const task = root.querySelector(".trajedit-task");
    count = changePanel.element("div", "trajedit-edited-count");
    if (task) task.append(count);
    else root.prepend(count);
  }
  changePanel.setText(count, text);
  if (!root.querySelector(".trajedit-announcement")) {
    const status = changePanel.element("div", "trajedit-announcement");
    status.setAttribute("role", "status");
    root.append(status);
  }
}

// Announces the state of the box that was typed into, once the typing has settled.
function announce() {
  const root = lastTyped?.isConnected ? lastTyped.closest(`.${pageFields.ROOT}`) : null;
  const status = root?.querySelector(".trajedit-announcement");
  if (!status) return;
  const found = known.get(lastTyped);
  const own = found?.editor ? `${labelOf(lastTyped)}: ${saidOf(found)}. ` : "";
  changePanel.setText(status, own + root.querySelector(".trajedit-edited-count").textContent);
}

function saidOf(found) {
  if (!found.panel) return found.editor.place === null ? "unchanged" : "empty";
  if (!isEdited(found)) return SAME_VALUE;
  return [found.numbers || "edited", found.problem.replace(/\.$/, "")].filter(Boolean).join(". ");
}

function flagsOf(node) {
  const { classList } = node.closest(`.${pageFields.ROOT}`);
  return Object.fromEntries(Object.entries(FLAGS).map(([flag, name]) => [flag, classList.contains(name)]));
}

// What a person would call the field: "Step 2, action", and in a conversation "Step 2, search, arguments".
function labelOf(box) {
  const card = box.closest(".trajedit-step");
  const inserted = box.closest(".trajedit-inserted");
  const title = inserted ? insertedLabel(inserted, pageFields.controlOf(box)) : titleOf(card);
  const field = box.closest(".trajedit-field")?.querySelector(".trajedit-label")?.textContent ?? "";
  return [title, callOf(box, card), field].filter(Boolean).join(", ") || pageFields.controlOf(box);
}

function titleOf(card) {
  // That of a branch counts from the beginning of the whole trace, in a Repeater, too.
  const counted = card?.querySelector(".trajedit-branch-title")?.textContent;
  if (counted) return counted;
  const title = card?.querySelector(".trajedit-title")?.firstElementChild?.textContent ?? "";
  const repeated = card?.closest(".trajedit-repeated");
  return title + (repeated ? ` ${[...repeated.querySelectorAll(".trajedit-step")].indexOf(card) + 1}` : "");
}

// Such as "Inserted step after Step 2".
function insertedLabel(card, boxName) {
  const { beside, side } = stepStructure.besideOf(card, boxName);
  return [card.querySelector(".trajedit-title")?.firstElementChild?.textContent, side, titleOf(beside)].filter(Boolean).join(" ");
}

// The tool that the box's call is of; after the first call of a card, with the call's number.
function callOf(box, card) {
  const call = box.closest(".trajedit-call");
  if (!call) return "";
  const number = [...card.querySelectorAll(".trajedit-call")].indexOf(call) + 1;
  return (call.querySelector(".trajedit-call-name")?.textContent ?? "") + (number > 1 ? ` (call ${number})` : "");
}

function counted(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

// Only a script that knows where it comes from asks there whether it is outdated: the only request that it makes.
async function askBackend() {
  if (!BACKEND) return;
  try {
    const answer = await fetch(`${BACKEND}/live-diff.js`, { credentials: "omit", cache: "no-cache" });
    const version = /^\/\* ls-trajedit live diff ([^ ,]+)/.exec(await answer.text())?.[1];
    if (version && isNewer(version, VERSION)) {
      const advice = `get the new one: ${BACKEND}/live-diff.user.js`;
      console.warn(`ls-trajedit live diff: this is ${VERSION}, the backend's is ${version}; ${advice}`);
    }
  } catch {
    // A backend that cannot be reached says nothing about versions.
  }
}

function isNewer(one, other) {
  const numbers = (version) => version.split(".").map((part) => Number.parseInt(part, 10) || 0);
  const [a, b] = [numbers(one), numbers(other)];
  const at = a.findIndex((number, place) => number !== (b[place] ?? 0));
  return at >= 0 && a[at] > (b[at] ?? 0);
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start, { once: true });
else start();
