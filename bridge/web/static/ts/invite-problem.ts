// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { BridgeError } from "./bridge-api";

const INVITE_PROBLEMS: Record<string, string> = {
  PASSERELLE_INVITE_UNKNOWN: "invite_unknown",
  PASSERELLE_INVITE_EXPIRED: "invite_expired",
  PASSERELLE_INVITE_USED_UP: "invite_used_up",
  PASSERELLE_INVITE_REVOKED: "invite_revoked",
  PASSERELLE_LINK_SHUT: "invite_revoked",
};

/** What is wrong with a link, as `showProblem` knows it; undefined where something else is. */
export function inviteProblem(error: unknown): string | undefined {
  return error instanceof BridgeError ? INVITE_PROBLEMS[error.errcode] : undefined;
}
