// What the user chose, for the next visit.

/** Nothing where the browser keeps nothing for pages. */
export function recall(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

/** Gives whether the browser keeps it. */
export function keep(name, value) {
  try {
    localStorage.setItem(name, value);
    return true;
  } catch {
    return false;
  }
}
