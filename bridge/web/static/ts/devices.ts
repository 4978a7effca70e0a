// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import type { DeviceChoice } from "./call-widget";
import { announce, element, setHidden, setNote } from "./dom";
import { t } from "./strings";

type Kind = "audio" | "video";

const TOGGLES = { audio: "toggle-microphone", video: "toggle-camera" } as const;
const CHOICES = { audio: "choose-microphone", video: "choose-camera" } as const;
const SILENT_AFTER_MS = 6_000;
/** Speech of a normal voice fills the meter. */
const METER_GAIN = 4;

/**
 * The device check: a picture of oneself and the microphone's level before anybody else sees or hears.
 * It asks for the devices when the person clicks, or when they were allowed before; a call needs none.
 */
export class DeviceCheck {
  readonly #preview = element<HTMLVideoElement>("preview");
  readonly #meter = element<HTMLMeterElement>("level");
  readonly #on: Record<Kind, boolean> = { audio: true, video: true };
  readonly #label: Record<Kind, string | null> = { audio: null, video: null };
  #stream: MediaStream | null = null;
  #audio: AudioContext | null = null;
  #generation = 0;

  constructor() {
    element("devices-start").addEventListener("click", () => void this.#open());
    for (const kind of ["audio", "video"] as const) {
      element(TOGGLES[kind]).addEventListener("click", () => this.#toggle(kind));
      element<HTMLSelectElement>(CHOICES[kind]).addEventListener("change", (event) => {
        const select = event.target as HTMLSelectElement;
        this.#label[kind] = select.selectedOptions[0]?.textContent ?? null;
        void this.#open();
      });
    }
  }

  /** Starts by itself only where the person has allowed both before. */
  async startIfAllowed(): Promise<void> {
    try {
      const asked = await Promise.all(
        ["camera", "microphone"].map((name) => navigator.permissions.query({ name: name as PermissionName })),
      );
      if (asked.every((permission) => permission.state === "granted")) await this.#open();
    } catch {
      // This browser does not tell: the button is there.
    }
  }

  get choice(): DeviceChoice {
    return { audio: this.#on.audio, video: this.#on.video, audioLabel: this.#label.audio, videoLabel: this.#label.video };
  }

  /** Lets go of the devices, so that the call can have them. */
  stop(): void {
    this.#generation++;
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = null;
    this.#preview.srcObject = null;
    void this.#audio?.close();
    this.#audio = null;
    setHidden("preview-off", false);
    setHidden("devices-start", false);
    setHidden("devices-choice", true);
  }

  async #open(): Promise<void> {
    const selected = {
      audio: element<HTMLSelectElement>(CHOICES.audio).value,
      video: element<HTMLSelectElement>(CHOICES.video).value,
    };
    this.stop();
    const generation = this.#generation;
    setNote("devices-note", null);
    if (!window.isSecureContext) {
      setNote("devices-note", t("devices_insecure"));
      return;
    }
    const [stream, note] = await this.#ask(selected);
    if (generation !== this.#generation) {
      for (const track of stream?.getTracks() ?? []) track.stop();
      return;
    }
    setNote("devices-note", note);
    if (!stream) return;
    this.#stream = stream;
    this.#preview.srcObject = stream;
    void this.#preview.play().catch(() => undefined);
    setHidden("devices-start", true);
    setHidden("devices-choice", false);
    for (const kind of ["audio", "video"] as const) this.#show(kind);
    await this.#list();
    this.#listen(stream, generation);
  }

  /** The most that this machine and this person give: both, else the microphone, else the camera. */
  async #ask(selected: Record<Kind, string>): Promise<[MediaStream | null, string | null]> {
    const wanted = (kind: Kind): MediaTrackConstraints | boolean => (selected[kind] ? { deviceId: selected[kind] } : true);
    const attempts: [MediaStreamConstraints, string | null][] = [
      [{ audio: wanted("audio"), video: wanted("video") }, null],
      [{ audio: wanted("audio") }, t("devices_no_camera")],
      [{ video: wanted("video") }, t("devices_no_microphone")],
    ];
    let problem = t("devices_none");
    for (const [constraints, note] of attempts) {
      try {
        return [await navigator.mediaDevices.getUserMedia(constraints), note];
      } catch (error) {
        const name = error instanceof DOMException ? error.name : "";
        if (name === "NotAllowedError" || name === "SecurityError") return [null, t("devices_blocked")];
        if (name === "NotReadableError" || name === "AbortError") problem = t("devices_in_use");
      }
    }
    return [null, problem];
  }

  async #list(): Promise<void> {
    const devices = await navigator.mediaDevices.enumerateDevices();
    for (const kind of ["audio", "video"] as const) {
      const select = element<HTMLSelectElement>(CHOICES[kind]);
      const inUse = this.#track(kind)?.getSettings().deviceId;
      const options = devices.filter((device) => device.kind === `${kind}input`);
      select.replaceChildren(...options.map((device) => new Option(device.label, device.deviceId, false, device.deviceId === inUse)));
      select.disabled = options.length < 2;
    }
  }

  #toggle(kind: Kind): void {
    this.#on[kind] = !this.#on[kind];
    this.#show(kind);
    const name = kind === "audio" ? "microphone" : "camera";
    announce(t(`${name}_${this.#on[kind] ? "on" : "off"}`));
  }

  #show(kind: Kind): void {
    const track = this.#track(kind);
    const toggle = element<HTMLButtonElement>(TOGGLES[kind]);
    toggle.disabled = !track;
    toggle.setAttribute("aria-pressed", String(this.#on[kind]));
    if (track) track.enabled = this.#on[kind];
    if (kind === "video") setHidden("preview-off", track !== undefined && this.#on.video);
  }

  #track(kind: Kind): MediaStreamTrack | undefined {
    return (kind === "audio" ? this.#stream?.getAudioTracks() : this.#stream?.getVideoTracks())?.[0];
  }

  #listen(stream: MediaStream, generation: number): void {
    if (!stream.getAudioTracks().length) return;
    const context = new AudioContext();
    this.#audio = context;
    const analyser = context.createAnalyser();
    context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const begin = performance.now();
    let heard = false;
    const measure = (): void => {
      if (generation !== this.#generation) return;
      analyser.getFloatTimeDomainData(samples);
      const rms = Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
      this.#meter.value = Math.min(1, rms * METER_GAIN);
      heard ||= rms > 0.001;
      if (!heard && this.#on.audio && context.state === "running" && performance.now() - begin > SILENT_AFTER_MS) {
        setNote("devices-note", t("level_silent"));
        heard = true; // said once
      }
      requestAnimationFrame(measure);
    };
    measure();
  }
}
