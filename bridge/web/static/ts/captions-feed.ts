// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import type { Segment, Translation } from "./captions-model";
import { EventFeed } from "./event-feed";

export interface FeedListener {
  onSegment(segment: Segment): void;
  onTranslation(translation: Translation): void;
  /** What was said before has come; now comes what is said. */
  onLive(): void;
  onConnection(connected: boolean): void;
  onDenied(): void;
}

/** Reads a meeting's captions until stopped. */
export class CaptionsFeed extends EventFeed {
  constructor(meetingId: string, token: string, listener: FeedListener) {
    super(`/api/v1/meetings/${encodeURIComponent(meetingId)}/captions`, token, {
      onEvent: (name, data) => {
        if (name === "segment") listener.onSegment(JSON.parse(data) as Segment);
        if (name === "live") listener.onLive();
        if (name === "translation") listener.onTranslation(JSON.parse(data) as Translation);
      },
      onConnection: (connected) => listener.onConnection(connected),
      onDenied: () => listener.onDenied(),
    });
  }
}
