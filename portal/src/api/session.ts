// Whether this browser may hold a session: the cookie itself is out of a script's sight, and asking without one is an
// error on the console. A mark without meaning for anybody else; where nothing can be kept, we just ask.

const KEY = "highroad.session";
let here = false;

export function remember(): void {
  here = true;
  try {
    localStorage.setItem(KEY, "perhaps");
  } catch {
    // A browser that keeps nothing for us.
  }
}

export function forget(): void {
  here = false;
  try {
    localStorage.removeItem(KEY);
  } catch {
    // Nothing was kept.
  }
}

export function maybe(): boolean {
  try {
    return here || localStorage.getItem(KEY) !== null;
  } catch {
    return true;
  }
}
