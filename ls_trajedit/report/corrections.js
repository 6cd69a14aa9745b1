// The corrections: read from the page's own blocks of JSON, filtered and put in order as the address says.
(() => {
  "use strict";

  const MOST_PRINTED = 1000;
  const BUDGET = 8;
  const FILTERS = ["q", "kind", "step", "field", "annotator", "size", "label"];
  const SHOWN = [...FILTERS, "sort", "view"];

  const settings = JSON.parse(document.getElementById("settings").textContent);
  const form = document.getElementById("filters");
  const count = document.getElementById("count");
  const container = document.getElementById("list");
  const leftOut = document.getElementById("left-out");
  const all = [];
  let shown = [];
  let view = "";
  let highlighted = "";

  const { article, counted, element, guessedHeight } = reportCorrection;
  const list = reportList.create(
    container,
    (row, number) => {
      const made = article(row, { link: taskLink(row), isSplit: view === "split", number, total: shown.length });
      if (row.key === highlighted) made.classList.add("target");
      return made;
    },
    (row) => guessedHeight(row, container.clientWidth, view === "split"),
  );

  function taskLink(row) {
    if (!settings.task || !isNumber(row.task)) return null;
    // Label Studio's own "Copy annotation link" looks like this.
    return `${settings.task}${row.task}${isNumber(row.annotation) ? `&annotation=${row.annotation}` : ""}`;
  }

  // Label Studio's own ids are numbers; one that JavaScript has no number for is a string of digits.
  function isNumber(id) {
    return /^\d+$/.test(String(id));
  }

  // ---- the data ----

  async function read() {
    let end = performance.now() + BUDGET;
    for (const block of document.querySelectorAll("script.corrections")) {
      for (const record of JSON.parse(block.textContent)) readRecord(record);
      if (performance.now() > end) {
        await afterOtherWork();
        end = performance.now() + BUDGET;
      }
    }
  }

  function readRecord([annotation, task, trace, description, annotator, corrections, labels, branch]) {
    const [round, parent] = branch ?? [1, ""];
    const shared = { annotation, task, trace, description, annotator, round, parent };
    const steps = corrections.filter(isStep);
    const removed = new Set(steps.filter(([op]) => op === "remove").map(([, step]) => step));
    for (const correction of corrections) {
      if (isStep(correction)) addStep(shared, correction, steps, labels);
      else addEdit(shared, correction, removed, labels);
    }
  }

  // A step that was removed or inserted begins with a word, an edit with the number of its step.
  function isStep([first]) {
    return first === "remove" || first === "insert";
  }

  function addEdit(shared, [step, field, original, edited, characters, words, reason, lowerBounds = []], removed, labels) {
    const stepKey = step === null ? "final" : String(step + 1);
    add(shared, labels.filter((label) => label[0] === step), [original, edited], {
      key: `${shared.annotation ?? `n${all.length}`}.${stepKey}.${field}`,
      kind: "edited",
      isInRemovedStep: removed.has(step),
      step, field, original, edited, characters, words, reason, lowerBounds,
    });
  }

  function addStep(shared, [op, step, position, texts, characters, reason], steps, labels) {
    const isRemoved = op === "remove";
    const inGap = steps.filter(([other, after]) => other === op && after === step).length;
    // The labels are of the steps that were recorded.
    add(shared, isRemoved ? labels.filter((label) => label[0] === step) : [], texts.flat(), {
      key: `${shared.annotation ?? `n${all.length}`}.${op}.${step + 1}${isRemoved ? "" : `.${position + 1}`}`,
      kind: isRemoved ? "removed" : "inserted",
      field: "",
      step, position, inGap, texts, characters, reason,
    });
  }

  function add(shared, labels, texts, row) {
    all.push({
      ...shared,
      ...row,
      number: all.length,
      labels: labels.flatMap(([, name, choices]) => choices.map((choice) => `${name}: ${choice}`)),
      label: labels.flatMap(([, name, choices]) => choices.map((choice) => `${name}:${choice}`)),
      q: [shared.trace, shared.task, shared.description, ...texts, row.reason].join("\n").toLowerCase(),
    });
  }

  function afterOtherWork() {
    return new Promise((resolve) => {
      const channel = new MessageChannel();
      channel.port1.onmessage = resolve;
      channel.port2.postMessage(null);
    });
  }

  // ---- filters and order ----

  const bySize = (one, other) => one.characters - other.characters || one.number - other.number;
  const byText = (name) => (one, other) => compare(one[name], other[name]) || one.number - other.number;
  const compare = (one, other) => (one < other ? -1 : one > other ? 1 : 0);
  const stepNumber = (row) => row.step ?? Infinity;
  const ORDERS = {
    "": (one, other) => one.number - other.number,
    large: (one, other) => other.characters - one.characters || one.number - other.number,
    small: bySize,
    step: (one, other) => compare(stepNumber(one), stepNumber(other)) || one.number - other.number,
    field: byText("field"),
    annotator: byText("annotator"),
  };

  function tests() {
    const { q, kind, step, field, annotator, size, label } = form.elements;
    const found = [];
    const text = q.value.trim().toLowerCase();
    if (text) found.push((row) => row.q.includes(text));
    if (kind?.value) found.push((row) => row.kind === kind.value);
    if (step.value === "final") found.push((row) => row.step === null);
    else if (step.value === "start") found.push((row) => row.step === -1);
    else if (step.value) found.push(within(settings.steps, step.value, (row) => (row.step === null ? -1 : row.step + 1)));
    if (field.value) found.push((row) => row.field === field.value);
    if (annotator.value) found.push((row) => row.annotator === annotator.value);
    if (size.value) found.push(within(settings.sizes, size.value, (row) => row.characters));
    if (label?.value) found.push((row) => row.label.includes(label.value));
    return found;
  }

  function within(bins, key, number) {
    const [, low, high] = bins.find((bin) => bin[0] === key);
    return (row) => number(row) >= low && number(row) <= (high ?? Infinity);
  }

  function apply() {
    const wanted = tests();
    shown = all.filter((row) => wanted.every((test) => test(row)));
    if (form.elements.sort.value) shown.sort(ORDERS[form.elements.sort.value]);
    view = form.elements.view.value;
    const total = counted(all.length, "correction");
    count.textContent = wanted.length ? `${shown.length.toLocaleString("en")} of ${total}` : total;
    if (!shown.length) count.textContent += ". Clear the filters to see all.";
    list.show(shown);
  }

  // ---- the address ----

  function state() {
    const values = new URLSearchParams();
    for (const name of SHOWN) {
      const value = form.elements[name]?.value;
      if (value) values.set(name, value);
    }
    return values;
  }

  function noteState() {
    highlighted = "";
    history.replaceState(null, "", `#${state()}`);
  }

  // Puts what the address says into the form. A value that this report does not have counts as none.
  function takeState(values) {
    for (const name of SHOWN) {
      const control = form.elements[name];
      if (!control) continue;
      control.value = values.get(name) ?? "";
      if (control.selectedIndex === -1) control.value = "";
    }
  }

  function followAddress() {
    const hash = location.hash.slice(1);
    if (hash && !hash.includes("=")) return;
    const values = new URLSearchParams(hash);
    const key = values.get("correction");
    highlighted = key ?? "";
    takeState(values);
    apply();
    if (key === null) return;
    let number = shown.findIndex((row) => row.key === key);
    if (number === -1 && shown.length < all.length) {
      form.reset();
      apply();
      number = shown.findIndex((row) => row.key === key);
    }
    if (number === -1) count.textContent = `There is no correction ${key} in this report. ${count.textContent}`;
    else list.reveal(number);
  }

  function change() {
    noteState();
    apply();
  }

  function goTo(address) {
    if (location.hash === `#${address}`) followAddress();
    else location.hash = address;
  }

  // ---- what people do ----

  function listen() {
    let isWaiting = false;
    form.addEventListener("input", () => {
      if (isWaiting) return;
      isWaiting = true;
      requestAnimationFrame(() => {
        isWaiting = false;
        change();
      });
    });
    // The event comes before the form is reset.
    form.addEventListener("reset", () => setTimeout(change));
    form.addEventListener("submit", (event) => event.preventDefault());
    window.addEventListener("hashchange", followAddress);
    document.addEventListener("click", (event) => {
      const found = event.target.closest?.("g[data-address], .numbers a, a.self");
      if (!found) return;
      event.preventDefault();
      goTo(found.dataset.address ?? found.getAttribute("href").slice(1));
      if (!found.matches("a.self")) document.getElementById("corrections").scrollIntoView();
    });
    window.addEventListener("beforeprint", () => {
      const missing = list.fillUpTo(MOST_PRINTED);
      leftOut.hidden = !missing;
      leftOut.textContent = `${counted(missing, "further correction")} not printed: filter the list to print them.`;
    });
    window.addEventListener("afterprint", () => {
      leftOut.hidden = true;
      list.emptyFar();
    });
  }

  read().then(() => {
    form.hidden = false;
    container.removeAttribute("aria-busy");
    listen();
    followAddress();
    if (location.hash && !location.hash.includes("correction=") && location.hash.includes("=")) {
      document.getElementById("corrections").scrollIntoView();
    }
  });
})();
