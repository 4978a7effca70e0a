// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

// Hydrogen, whole and unchanged, as an organisation has it on a site of its own; config.json says which homeserver.
import { createNavigation, createRouter, FeatureSet, Platform, RootViewModel } from "hydrogen-view-sdk";

const platform = new Platform({
  container: document.body,
  configURL: "config.json",
  assetPaths: {
    olm: { wasm: "olm.wasm", wasmBundle: "olm.js" },
    serviceWorker: "sw.js", // without it 0.3.1 cannot sign in
  },
});
await platform.init();
const navigation = createNavigation();
platform.setNavigation(navigation);
const urlRouter = createRouter({ navigation, history: platform.history });
urlRouter.attach();
const features = await FeatureSet.load(platform.settingsStorage);
const root = new RootViewModel({ platform, urlRouter, navigation, features });
await root.load();
platform.createAndMountRootView(root);
