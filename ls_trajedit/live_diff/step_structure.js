// The steps that are removed or inserted on Label Studio's editor page: which ones, what their boxes fill, and taking that
// back. The rule of label_config/structure.py: Choices named `P__structure` that offer any of our choices, and boxes whose
// names begin with the same `P`.
const stepStructure = (() => {
  const REMOVE = "Remove this step";
  const AFTER = ["Insert a step after it", "Insert a second step after it", "Insert a third step after it"];
  const BEFORE = ["Insert a step before it", "Insert a second step before it", "Insert a third step before it"];
  const CHOICES = new Set([REMOVE, ...AFTER, ...BEFORE]);
  const SUFFIX = "__structure";
  const NAME = /__(?:structure_reason$|(insert|before)_([1-3])_(?:reason$|_(.+)$))/g;
  const CALL_PARTS = { call_0__name: "name", call_0__arguments: "arguments" };

  // What the tags say of each box of an inserted step, and of the boxes that ask for a reason: a map from their names to
  // {place, word}. `place` is the same for all boxes of one step; `word` is null in a box that asks for a reason.
  function boxesIn(tags) {
    const offers = ({ children }) => (children ?? []).some((child) => CHOICES.has(child.alias ?? child.value) || offers(child));
    const isStructure = ({ type, name }) => type === "choices" && name?.endsWith(SUFFIX);
    const controls = new Set(tags.filter((tag) => isStructure(tag) && offers(tag)).map(({ name }) => name));
    const found = new Map();
    if (controls.size === 0) return found;
    for (const { type, name } of tags) {
      for (const { index, 1: kind, 2: number, 3: word } of type === "textarea" ? name.matchAll(NAME) : []) {
        const step = name.slice(0, index);
        if (!controls.has(step + SUFFIX)) continue;
        found.set(name, { step, place: kind ? `${step}__${kind}_${number}` : step, word: word ?? null });
        break;
      }
    }
    return found;
  }

  // The cards of the removed steps below the root.
  function removed(root) {
    return [...root.querySelectorAll(".trajedit-step")].filter(isRemoved);
  }

  // The cards of inserted steps that are shown below the root.
  function inserted(root) {
    return [...root.querySelectorAll(".trajedit-inserted")].filter((card) => !isHidden(card));
  }

  // Label Studio hides what depends on a choice by the style of each element.
  function isHidden(node) {
    return node.closest('[style*="display: none"]') !== null;
  }

  function isRemoved(card) {
    return tickOfRemoval(card)?.checked ?? false;
  }

  // The box to tick for the removal of a step; null when there is none.
  function tickOfRemoval(card) {
    return card?.querySelector(`.trajedit-structure input[name="${REMOVE}"]`) ?? null;
  }

  // The card of the step beside which a step is inserted, and on which side.
  function besideOf(card, boxName) {
    const isBefore = /__before_[1-3]_/.test(boxName);
    let beside = card;
    do beside = isBefore ? beside.nextElementSibling : beside.previousElementSibling;
    while (beside && !beside.classList.contains("trajedit-step"));
    return { beside, side: isBefore ? "before" : "after" };
  }

  // The box to tick for the inserted step to which a box of this name belongs; null when it cannot be found.
  function tickOf(card, boxName) {
    const [, kind, number] = /__(before|insert)_([1-3])_/.exec(boxName) ?? [];
    const choice = (kind === "before" ? BEFORE : AFTER)[number - 1];
    return besideOf(card, boxName).beside?.querySelector(`.trajedit-structure input[name="${choice}"]`) ?? null;
  }

  return { CALL_PARTS, besideOf, boxesIn, inserted, isHidden, isRemoved, removed, tickOf, tickOfRemoval };
})();
