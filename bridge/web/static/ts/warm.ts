// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

const BEGIN_AFTER_MS = 300;

/** Brings Element Call's large files into the browser's cache while a name is typed; resolves when that is over. */
export async function warmCache(): Promise<void> {
  const files = (document.body.dataset["warm"] ?? "").split(" ").filter(Boolean);
  await new Promise((resolve) => setTimeout(resolve, BEGIN_AFTER_MS));
  try {
    for (const file of files) {
      const response = await fetch(file, { priority: "low" });
      await response.arrayBuffer(); // an unread body is not kept
    }
  } catch {
    // Only saves time: without it the call loads them itself, and says what fails.
  }
}
