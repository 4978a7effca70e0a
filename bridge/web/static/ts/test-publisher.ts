// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { fields, inside, message, text } from "./protobuf";

/** LiveKit's signalling (livekit_rtc.proto): the few messages between a page that sends one picture and the server. */
const TO_SERVER = { offer: 1, addTrack: 4, leave: 8 } as const;
const FROM_SERVER = { join: 1, answer: 2, trackPublished: 6, leave: 8 } as const;
const JOIN_ICE_SERVERS = 5;
const VIDEO = 1;
const CAMERA = 1;
const PROTOCOL = "9";
const WIDTH = 640;
const HEIGHT = 360;
const PICTURES_HZ = 20;

/** Where media would go, for whoever has to open a firewall. */
export interface MediaAddress {
  host: string;
  udp: number | null;
  tcp: number | null;
}

/** Sends a moving picture of noise, which no camera took, to the media server, as a call sends its own. */
export class TestPublisher {
  readonly #stop = new AbortController();
  readonly #canvas = document.createElement("canvas");
  #socket: WebSocket | null = null;
  connection: RTCPeerConnection | null = null;
  /** The server's own, once it has answered. */
  address: MediaAddress | null = null;

  /** Resolves when the server has answered our offer; the connection may still fail. Rejects where it can't be asked. */
  async start(url: string, token: string): Promise<void> {
    const query = new URLSearchParams({ access_token: token, auto_subscribe: "0", protocol: PROTOCOL, sdk: "js" });
    const socket = (this.#socket = new WebSocket(`${url.replace(/\/$/, "")}/rtc?${query.toString()}`));
    socket.binaryType = "arraybuffer";
    this.#stop.signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const fail = (): void => reject(new Error("the media server does not answer"));
      this.#stop.signal.addEventListener("abort", fail);
      socket.onerror = socket.onclose = fail;
      socket.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => {
        this.#take(new Uint8Array(data)).then((done) => done && resolve(), fail);
      };
    });
  }

  stop(): void {
    this.#stop.abort();
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(message([TO_SERVER.leave, message()]));
    this.#socket?.close();
    this.connection?.close();
  }

  async #take(bytes: Uint8Array): Promise<boolean> {
    for (const [kind, content] of fields(bytes)) {
      if (typeof content === "number") continue;
      if (kind === FROM_SERVER.join) this.#announce(inside(content, JOIN_ICE_SERVERS));
      else if (kind === FROM_SERVER.trackPublished) await this.#offer();
      else if (kind === FROM_SERVER.leave) throw new Error("the media server says no");
      else if (kind === FROM_SERVER.answer) {
        const sdp = text(content, 2);
        this.address = mediaAddress(sdp);
        await this.connection?.setRemoteDescription({ type: "answer", sdp });
        return true;
      }
    }
    return false;
  }

  #announce(iceServers: Uint8Array[]): void {
    const servers = iceServers.map((server) => ({
      urls: inside(server, 1).map((url) => new TextDecoder().decode(url)),
      username: text(server, 2),
      credential: text(server, 3),
    }));
    this.connection = new RTCPeerConnection({ iceServers: servers, bundlePolicy: "max-bundle" });
    const track = this.#noise();
    this.connection.addTransceiver(track, { direction: "sendonly" });
    const fields = message([1, track.id], [3, VIDEO], [4, WIDTH], [5, HEIGHT], [8, CAMERA]);
    this.#socket?.send(message([TO_SERVER.addTrack, fields]));
  }

  async #offer(): Promise<void> {
    const offer = await this.connection?.createOffer();
    if (!this.connection || !offer?.sdp || this.#stop.signal.aborted) return;
    await this.connection.setLocalDescription(offer);
    this.#socket?.send(message([TO_SERVER.offer, message([1, "offer"], [2, offer.sdp])]));
  }

  /** Noise, because an encoder makes next to nothing of a picture that stands still. */
  #noise(): MediaStreamTrack {
    Object.assign(this.#canvas, { width: WIDTH, height: HEIGHT });
    const context = this.#canvas.getContext("2d");
    const paint = (): void => {
      for (let block = 0; block < 400; block++) {
        const [x = 0, y = 0, colour = 0] = crypto.getRandomValues(new Uint16Array(3));
        if (context) context.fillStyle = `hsl(${colour % 360} 80% 50%)`;
        context?.fillRect(x % WIDTH, y % HEIGHT, 24, 24);
      }
    };
    paint();
    const timer = setInterval(paint, 1000 / PICTURES_HZ);
    const [track] = this.#canvas.captureStream(PICTURES_HZ).getVideoTracks();
    if (!track) throw new Error("a canvas gives no picture");
    this.#stop.signal.addEventListener("abort", () => {
      clearInterval(timer);
      track.stop();
    });
    return track;
  }
}

function mediaAddress(sdp: string): MediaAddress | null {
  let address: MediaAddress | null = null;
  for (const [, protocol, host = "", port] of sdp.matchAll(/^a=candidate:\S+ 1 (udp|tcp) \d+ (\S+) (\d+) typ host/gim)) {
    address ??= { host, udp: null, tcp: null };
    if (host === address.host) address[protocol === "udp" ? "udp" : "tcp"] ??= Number(port);
  }
  return address;
}
