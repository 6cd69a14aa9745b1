// Whether a corrected call fits the tools that the trace declares. Nothing here depends on a page: values in, sentences
// out. It looks at what annotators get wrong (names, missing values, types), not at all that a JSON Schema can say.
const callCheck = (() => {
  // How many problems are named, and how long a name may be that another one is suggested for.
  const MOST_PROBLEMS = 5;
  const LONGEST_NAME = 100;
  const ARTICLES = { array: "a list", boolean: "true or false", integer: "a whole number", null: "null", number: "a number" };

  // The declared tools by name, with the JSON Schema of their parameters; null when nothing is declared.
  function toolsOf(text) {
    try {
      const found = JSON.parse(text).map(({ function: tool }) => [tool.name, tool.parameters ?? {}]);
      return found.length ? new Map(found) : null;
    } catch {
      return null;
    }
  }

  // What is wrong with the name of a call; an empty string when nothing is, as far as one can tell.
  function nameProblem(tools, name) {
    if (tools === null || tools.has(name)) return "";
    return `The trace declares no tool \`${name}\`${nearest(name, [...tools.keys()])}`;
  }

  // What is wrong with the text of a call's arguments, in the same way.
  function argumentsProblem(tools, name, text) {
    let given;
    try {
      given = JSON.parse(text);
    } catch {
      return "The arguments are not JSON.";
    }
    if (typeOf(given) !== "object") return "The arguments are not a JSON object.";
    const parameters = tools?.get(name);
    if (!parameters) return "";
    const problems = [];
    for (const problem of problemsOf(given, parameters, "", name)) {
      if (problems.push(problem) === MOST_PROBLEMS) break;
    }
    return problems.join(" ");
  }

  function* problemsOf(value, schema, path, tool) {
    if (typeof schema !== "object" || schema === null) return;
    const types = [schema.type ?? []].flat();
    const isOf = (type) => type === typeOf(value) || (type === "number" && typeOf(value) === "integer");
    if (types.length && !types.some(isOf)) {
      yield `\`${path || tool}\` must be ${types.map(named).join(" or ")}, and is ${named(typeOf(value))}.`;
      return;
    }
    const inside = (key) => (path ? `${path}.${key}` : key);
    if (typeOf(value) === "array") {
      for (const [at, item] of value.entries()) yield* problemsOf(item, schema.items, `${path}[${at}]`, tool);
    }
    if (typeOf(value) !== "object") return;
    const known = typeOf(schema.properties ?? null) === "object" ? schema.properties : {};
    const isOpen = schema.additionalProperties || schema.patternProperties || (path && schema.properties === undefined);
    for (const key of Object.keys(value)) {
      if (Object.hasOwn(known, key)) yield* problemsOf(value[key], known[key], inside(key), tool);
      else if (!isOpen) yield `\`${path || tool}\` has no \`${key}\`${nearest(key, Object.keys(known))}`;
    }
    for (const key of Array.isArray(schema.required) ? schema.required : []) {
      if (!Object.hasOwn(value, key)) yield `\`${inside(key)}\` is missing.`;
    }
  }

  function typeOf(value) {
    if (value === null) return "null";
    if (Array.isArray(value)) return "array";
    return Number.isInteger(value) ? "integer" : typeof value;
  }

  function named(type) {
    return ARTICLES[type] ?? (type === "object" ? "an object" : `a ${type}`);
  }

  // The end of a sentence: "; did you mean `query`?" for the spelling that is nearest to the word, or a full stop when
  // none is near.
  function nearest(word, known) {
    if (word.length > LONGEST_NAME) return ".";
    const ranked = known.map((other) => [trajedit.distances(word.toLowerCase(), other.toLowerCase()).characters, other]);
    const [best] = ranked.sort(([a], [b]) => a - b);
    return best && best[0] <= Math.max(2, best[1].length / 3) ? `; did you mean \`${best[1]}\`?` : ".";
  }

  return { argumentsProblem, nameProblem, toolsOf };
})();
