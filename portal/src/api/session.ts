// Whether this browser may hold a session: the cookie itself is out of a script's sight, and asking without one is an
// error on the console. A mark without meaning for anybody else; where nothing can be kept, we just ask.

const KEY = "highroad.session";
const WHERE = "highroad.where";
const ENDED = "highroad.ended";
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

/** Keeps what is looked at while one signs in elsewhere. */
export function keepWhere(): void {
  try {
    sessionStorage.setItem(WHERE, location.hash);
  } catch {
    // Then one begins at the map.
  }
}

export function backWhere(): string {
  try {
    const kept = sessionStorage.getItem(WHERE) ?? "";
    sessionStorage.removeItem(WHERE);
    return kept.startsWith("#") ? kept : "";
  } catch {
    return "";
  }
}

/** Says to the page that comes next that a session came to its end, and asks whether one did: once. */
export function leaveWord(): void {
  try {
    sessionStorage.setItem(ENDED, "1");
  } catch {
    // Then it asks to sign in without saying why.
  }
}

export function word(): boolean {
  try {
    const left = sessionStorage.getItem(ENDED) !== null;
    sessionStorage.removeItem(ENDED);
    return left;
  } catch {
    return false;
  }
}

export function maybe(): boolean {
  try {
    return here || localStorage.getItem(KEY) !== null;
  } catch {
    return true;
  }
}
