// The API's page, made from its OpenAPI description: works offline and without scripts from elsewhere.

const api = await (await fetch("openapi.json")).json();
const resolve = (schema) => (schema?.$ref ? api.components.schemas[schema.$ref.split("/").at(-1)] : schema);

function element(name, text, ...children) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  made.append(...children);
  return made;
}

const named = new Set(); // kinds of objects that were mentioned, which get a card of their own

function typeOf(schema) {
  const options = (schema.anyOf ?? [schema]).map(resolve).map((option) => {
    if (option.enum ?? option.const) return [option.enum ?? option.const].flat().join(" or ");
    if (option.type === "object" && option.properties) {
      named.add(option);
      return option.title;
    }
    if (option.type !== "array") return option.type ?? "anything";
    const items = option.prefixItems?.map(typeOf).join(", ") ?? typeOf(option.items ?? {});
    return `[${items}${option.prefixItems ? "" : ", …"}]`;
  });
  return options.join(" or ");
}

function fields(title, content) {
  const [[kind, {schema} = {}] = []] = Object.entries(content ?? {});
  if (!kind) return [];
  return [element("p", `${title}: ${kind}`), ...properties(resolve(schema ?? {}))];
}

function properties(schema) {
  const lines = Object.entries(schema?.properties ?? {}).map(([name, field]) =>
    `${name}: ${typeOf(field)}${field.description ? `\n    ${field.description}` : ""}`);
  return lines.length ? [element("pre", lines.join("\n"))] : [];
}

function show(title, ...children) {
  const card = element("article", "", element("h2", title), ...children);
  card.className = "card";
  document.getElementById("docs").append(card);
}

for (const [path, methods] of Object.entries(api.paths)) {
  for (const [method, operation] of Object.entries(methods)) {
    const parameters = (operation.parameters ?? []).map(({name, schema}) => `${name}: ${typeOf(schema)}`);
    show(
      `${method.toUpperCase()} ${path}`,
      element("p", operation.description),
      ...(parameters.length ? [element("pre", parameters.join("\n"))] : []),
      ...fields("Body", operation.requestBody?.content),
      ...fields("Answer", (operation.responses["200"] ?? operation.responses.default).content),
    );
  }
}
for (const schema of named) show(schema.title, element("p", schema.description), ...properties(schema));
