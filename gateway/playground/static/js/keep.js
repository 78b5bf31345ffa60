// What the browser remembers. Where it may not, the page works on and forgets.

function store(open) {
  return {
    get(name) {
      try {
        return open().getItem(name);
      } catch {
        return null;
      }
    },
    /** Whether there was room. */
    set(name, value) {
      try {
        if (value) open().setItem(name, value);
        else open().removeItem(name);
        return true;
      } catch {
        return false;
      }
    },
  };
}

/** Until it is cleared. */
export const lasting = store(() => localStorage);
/** Until the tab is closed. */
export const passing = store(() => sessionStorage);
