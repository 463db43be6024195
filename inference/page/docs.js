// The API's page, made from its OpenAPI description: works offline and without scripts from elsewhere.

const api = await (await fetch("openapi.json")).json();
const resolve = (schema) => (schema?.$ref ? api.components.schemas[schema.$ref.split("/").at(-1)] : schema);

function element(name, text, ...children) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  made.append(...children);
  return made;
}

function typeOf(schema) {
  const options = (schema.anyOf ?? [schema]).map(resolve).map((option) => {
    if (option.enum ?? option.const) return [option.enum ?? option.const].flat().join(" or ");
    if (option.type !== "array") return option.type ?? "anything";
    const items = option.prefixItems?.map(typeOf).join(", ") ?? typeOf(option.items ?? {});
    return `[${items}${option.prefixItems ? "" : ", …"}]`;
  });
  return options.join(" or ");
}

function fields(title, content) {
  const [[kind, {schema} = {}] = []] = Object.entries(content ?? {});
  if (!kind) return [];
  const properties = Object.entries(resolve(schema ?? {})?.properties ?? {});
  const lines = properties.map(([name, field]) => `${name}: ${typeOf(field)}${field.description ? `\n    ${field.description}` : ""}`);
  return [element("p", `${title}: ${kind}`), ...(lines.length ? [element("pre", lines.join("\n"))] : [])];
}

for (const [path, methods] of Object.entries(api.paths)) {
  for (const [method, operation] of Object.entries(methods)) {
    const card = element("article", "", element("h2", `${method.toUpperCase()} ${path}`), element("p", operation.description));
    card.className = "card";
    const parameters = (operation.parameters ?? []).map(({name, schema}) => `${name}: ${typeOf(schema)}`);
    if (parameters.length) card.append(element("pre", parameters.join("\n")));
    card.append(...fields("Body", operation.requestBody?.content), ...fields("Answer", (operation.responses["200"] ?? operation.responses.default).content));
    document.getElementById("docs").append(card);
  }
}
