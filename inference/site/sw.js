// Answers for the network with the files that the first visit brought. The build writes FILES, all of the site, above this line.

const CACHE = "sign2sound";

// Names carry their content's hash, so what an earlier version left behind under the same name is the same file. The rest, such as the
// page itself, is asked for anew.
const isHashed = (name) => /-[0-9a-f]{8}\.\w+$/.test(name);

self.addEventListener("install", (event) => event.waitUntil(caches.open(CACHE).then(async (cache) => {
  for (const name of FILES) {
    if (isHashed(name) && await cache.match(name)) continue;
    await cache.add(new Request(name, {cache: isHashed(name) ? "default" : "reload"}));
  }
})));

// Once no page of the version before is open.
self.addEventListener("activate", (event) => event.waitUntil(caches.open(CACHE).then(async (cache) => {
  const wanted = new Set(FILES.map((name) => new URL(name, self.registration.scope).href));
  for (const kept of await cache.keys()) if (!wanted.has(kept.url)) await cache.delete(kept);
})));

self.addEventListener("fetch", (event) => {
  if (event.request.method !== "GET") return;
  event.respondWith(caches.match(event.request, {ignoreSearch: true}).then((kept) => kept ?? fetch(event.request)));
});
