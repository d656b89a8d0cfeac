/** The server's key, where it wants one: in the tab's session storage, and nowhere else. */

import { $ } from "./dom.js";

const NAME = "monge.key";
let held = "";
let asking = null;

export function storedKey() {
  try {
    return sessionStorage.getItem(NAME) ?? held;
  } catch {
    return held;
  }
}

function store(key) {
  held = key;
  try {
    sessionStorage.setItem(NAME, key);
  } catch {
    // It is held by the page alone then.
  }
}

/**
 * Asks for the key in a dialog; requests that want one at the same time wait for the same answer.
 * @param {string} why - What the server says of the key it was given; empty where none was.
 * @returns {Promise<boolean>} whether there is one now.
 */
export function askKey(why) {
  asking ??= new Promise((resolve) => {
    const dialog = $("key-dialog");
    $("key-why").textContent = why;
    $("key-why").hidden = !why;
    $("key-why").className = why ? "error" : "hint";
    $("key").value = "";
    const cancel = () => dialog.close("");
    $("key-cancel").addEventListener("click", cancel, { once: true });
    $("key-form").onsubmit = () => store($("key").value.trim());
    dialog.returnValue = "";
    dialog.addEventListener(
      "close",
      () => {
        $("key-cancel").removeEventListener("click", cancel);
        asking = null;
        resolve(dialog.returnValue === "use");
      },
      { once: true },
    );
    dialog.showModal();
    $("key").focus();
  });
  return asking;
}
