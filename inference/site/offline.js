// Keeps the site for when there is no network; and without a browser that can, it works with one.

addEventListener("load", () => navigator.serviceWorker?.register("sw.js").catch(() => {}));
