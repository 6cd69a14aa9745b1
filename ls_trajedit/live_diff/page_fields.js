// The boxes of Label Studio's editor page, and the original text that each of them corrects. Read from Label Studio's
// own store by the rule of label_config/controls.py: a TextArea corrects the Text or HyperText that its `toName` names.
const pageFields = (() => {
  const ROOT = "trajedit";
  const BOX = 'textarea[name], [data-testid="htx-textbox-content"][name]';
  const RESERVED_KEY = "ls_trajedit";
  const CALL = /^\$(steps\[\d+\]\.tool_calls\[\d+\])\.(name|arguments)$/;
  // JSON of more characters is only checked at each key, and not compared by its values: that takes ten times as long.
  const LONGEST_JSON = 100_000;
  const PATH = /^\$\w+(?:\.\w+|\[\d+\])*$/;

  let schema = null;

  // The boxes of the page below a root with our class: editors, reasons and others.
  function boxes() {
    const found = [];
    for (const root of document.getElementsByClassName(ROOT)) found.push(...root.querySelectorAll(BOX));
    return found;
  }

  // The editor in a box: {original, isJson, reason, call, place, isHeard}, where `reason` is the control that asks why, or
  // null, and `call` says of which call it corrects what, or is null. `place` is null, or which inserted step the box
  // belongs to; its original is then empty, and `isHeard` says that it holds what the agent would hear. Null for a box
  // that corrects nothing.
  function editorOf(box) {
    return currentSchema()?.editors.get(controlOf(box)) ?? null;
  }

  // Label Studio appends a random id to the name of a box that has text.
  function controlOf(box) {
    return box.getAttribute("name").split(":")[0];
  }

  // The text in a box, or null for none: an empty box of a control without a result was never filled.
  function textOf(box) {
    if (box.localName !== "textarea") return shownText(box);
    return box.dataset.testid === "textarea-input" && !box.value ? null : box.value;
  }

  // A read-only box is text with a <br> for each line break.
  function shownText(node) {
    if (node.nodeType === Node.TEXT_NODE) return node.data;
    return node.localName === "br" ? "\n" : Array.from(node.childNodes, shownText).join("");
  }

  // The open task, {id, data}; null when none is open. Label Studio keeps the data as a string, and parses it anew for
  // everybody who asks.
  function openTask() {
    try {
      const task = window.Htx?.annotationStore?.store?.task;
      return task ? { id: task.id, data: task.data } : null;
    } catch {
      return null; // Label Studio is just removing the page
    }
  }

  function isSameTask(one, other) {
    return one?.id === other?.id && one?.data === other?.data;
  }

  function isAutoAnnotating() {
    try {
      return Boolean(window.Htx?.autoAnnotation);
    } catch {
      return false;
    }
  }

  function currentSchema() {
    const task = openTask();
    if (task === null) return null;
    try {
      const { names, store } = window.Htx.annotationStore;
      if (schema && isSameTask(schema.task, task) && schema.size === names.size) return schema;
      schema = { task, size: names.size, editors: readEditors([...names.values()], store.task.dataObj) };
    } catch (error) {
      if (schema !== null && schema.editors.size === 0) return schema;
      schema = { task, size: -1, editors: new Map() };
      console.warn("ls-trajedit live diff: this Label Studio keeps its config in a different way;", error);
    }
    return schema;
  }

  function readEditors(tags, data) {
    const texts = new Map();
    const pointers = new Map();
    for (const tag of tags) if (showsField(tag)) texts.set(tag.name, tag.value);
    // With `perregion` or `peritem`, a text is a remark on a part.
    const structure = stepStructure.boxesIn(tags);
    const areas = tags.filter(
      (tag) =>
        tag.type === "textarea" && texts.has(tag.toname) && !tag.perregion && !tag.peritem && !structure.has(tag.name),
    );
    for (const { toname } of areas) pointers.set(toname, (pointers.get(toname) ?? 0) + 1);
    const isReason = ({ name, toname }) =>
      /__reason$/i.test(name) || (pointers.get(toname) > 1 && /reason$/i.test(name));
    const reasons = new Map(areas.filter(isReason).map(({ name, toname }) => [toname, name]));
    const tools = callCheck.toolsOf(data[RESERVED_KEY]?.tools ?? null);
    const editors = new Map();
    for (const area of areas) {
      const path = texts.get(area.toname);
      const original = isReason(area) ? null : originalAt(path, data);
      if (!original) continue;
      const call = callAt(path, data, tools);
      editors.set(area.name, { ...original, reason: reasons.get(area.toname) ?? null, call, place: null, isHeard: false });
    }
    // Null for a field that this task lacks.
    const corrected = new Map(
      areas.filter((area) => !isReason(area)).map(({ name, toname }) => [toname, editors.get(name) ?? null]),
    );
    for (const [name, box] of structure) {
      if (box.word !== null) editors.set(name, newEditor(box, texts, corrected, data, tools));
    }
    return editors;
  }

  // The editor in a box of an inserted step. `corrected` has the editors of what is shown, by the names of the tags.
  function newEditor({ step, place, word }, texts, corrected, data, tools) {
    const shown = `${step}__${word}`;
    const isChat = typeof data[RESERVED_KEY]?.source === "string";
    const part = isChat ? stepStructure.CALL_PARTS[word] : undefined;
    const call = part ? { at: place, part, name: "", tools } : null;
    const isHeard = isChat ? word === "heard" : texts.has(shown) && !corrected.has(shown);
    const isJson = !isChat && isAlwaysJson(fieldAt(texts.get(shown)), corrected, texts);
    return { original: "", isJson, reason: null, call, place, isHeard };
  }

  // Whether a field is JSON in every step that has it.
  function isAlwaysJson(field, corrected, texts) {
    const alike = [...corrected].filter(([name, editor]) => editor !== null && fieldAt(texts.get(name)) === field);
    return alike.length > 0 && alike.every(([, { isJson }]) => isJson);
  }

  // The path inside a step: ".action" of "$steps[0].action".
  function fieldAt(path) {
    return /^[^[]*\[\d+\](.*)$/.exec(path ?? "")?.[1];
  }

  // Whether a tag shows its value, and not what is at that address or encoded in it.
  function showsField({ type, valuetype, encoding, resolver }) {
    const isText = type === "text" || type === "hypertext";
    return isText && valuetype !== "url" && (encoding ?? "none") === "none" && !resolver;
  }

  // What a conversation has at `path` of a call: {at, part, name, tools}, the part being its name or its arguments.
  function callAt(path, data, tools) {
    const [, at, part] = typeof data[RESERVED_KEY]?.source === "string" ? (CALL.exec(path) ?? []) : [];
    return at ? { at, part, name: originalAt(`$${at}.name`, data)?.original ?? "", tools } : null;
  }

  // What does not fit the declared tools in the text of a box that corrects a call. `textAt` gives the text in the box
  // of a part of the same call, or null when it has none.
  function callProblem({ call }, text, textAt) {
    if (call === null) return "";
    if (call.part === "name") return callCheck.nameProblem(call.tools, text);
    return callCheck.argumentsProblem(call.tools, textAt(call.at, "name") ?? call.name, text);
  }

  // The original at `path` ("$steps[0].action"), or null when the trace has none there.
  function originalAt(path, data) {
    if (!PATH.test(path ?? "")) return null;
    const field = path.slice(1);
    const notes = data[RESERVED_KEY];
    const isUnder = (other) => field === other || field.startsWith(`${other}.`);
    if ([...(notes?.absent ?? []), ...Object.keys(notes?.replaced ?? {})].some(isUnder)) return null;
    let value = data;
    for (const key of field.match(/\w+/g)) {
      value = typeof value === "object" && value !== null && Object.hasOwn(value, key) ? value[key] : null;
    }
    if (value === null) return null;
    if (typeof value !== "string") return { original: JSON.stringify(value, null, 2), isJson: true };
    return { original: value, isJson: (notes?.json ?? []).includes(field) };
  }

  // How the text of a box compares with the original: "same", "relaid" when only the layout of a call's JSON differs,
  // "edited", or "broken" when it should be JSON and is not. As in the converters, line ends alone do not count as a
  // difference, nor does the layout of JSON, unless that is very long.
  function compare({ original, isJson, call, place }, text) {
    if (place !== null && !text?.trim()) return "same";
    if (text === null || trajedit.foldNewlines(text) === trajedit.foldNewlines(original)) return "same";
    if (!isJson) return "edited";
    if (text.length + original.length > LONGEST_JSON) return isJsonText(text) ? "edited" : "broken";
    const edited = canonicalJson(text);
    if (edited === null) return "broken";
    if (edited !== canonicalJson(original)) return "edited";
    return call ? "relaid" : "same";
  }

  function isJsonText(text) {
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false;
    }
  }

  function canonicalJson(text) {
    try {
      return JSON.stringify(JSON.parse(text, canonicalValue));
    } catch {
      return null;
    }
  }

  // 1, 1.0 and true are three values; integers may be longer than JavaScript's; the order of keys is ignored.
  function canonicalValue(key, value, context) {
    if (typeof value === "number") {
      const digits = context?.source ?? String(value);
      if (/^-?\d+$/.test(digits)) return `i${digits === "-0" ? "0" : digits}`;
      return Object.is(value, -0) ? "f-0" : `f${value}`;
    }
    if (typeof value === "string") return `s${value}`;
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    return Object.keys(value)
      .sort()
      .map((name) => [name, value[name]]);
  }

  return { ROOT, boxes, callProblem, compare, controlOf, editorOf, isAutoAnnotating, isSameTask, openTask, textOf };
})();
