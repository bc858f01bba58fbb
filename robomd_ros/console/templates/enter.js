// Exchanges the one-time code behind the # for a session, and takes the code out of the address.
"use strict";
const code = location.hash.slice(1);
history.replaceState(null, "", "/enter");
fetch("/enter", { method: "POST", body: code })
  .then(async (response) => {
    if (response.ok) location.replace("/");
    else document.getElementById("said").textContent = await response.text();
  })
  .catch(() => {
    document.getElementById("said").textContent = "The console does not answer. Is it still running?";
  });
