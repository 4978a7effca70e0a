// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

/** Brings Element Call's large files into the browser's cache while a name is typed. */
export function warmCache(): void {
  const files = (document.body.dataset["warm"] ?? "").split(" ").filter(Boolean);
  const load = async (): Promise<void> => {
    for (const file of files) {
      const response = await fetch(file, { priority: "low" });
      await response.arrayBuffer(); // an unread body is not kept
    }
  };
  // Only saves time: without it the call loads them itself, and says what fails.
  setTimeout(() => void load().catch(() => undefined), 300);
}
