// The exported model in JavaScript, in Node as in a browser: landmarks in, probabilities out.
// cd examples; npm install; node read_landmarks.mjs ../sign2sound/best_model.onnx hand.json
import { readFile } from "node:fs/promises";
import * as ort from "onnxruntime-web";

const [model, hand] = process.argv.slice(2);
const labels = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ", "del", "nothing", "space"];
ort.env.logLevel = "error";
const session = await ort.InferenceSession.create(model, { logSeverityLevel: 3 });

const points = JSON.parse(await readFile(hand, "utf8")); // 21 of x, y, z in pixels, as MediaPipe orders them
const { probabilities } = await session.run({
  landmarks: new ort.Tensor("float32", points.flat(), [1, 1, 21, 3]), // clips, frames, points, coordinates
  left_handed: new ort.Tensor("bool", [false], [1]),
});
const best = probabilities.data.indexOf(Math.max(...probabilities.data));
console.log(labels[best], probabilities.data[best].toFixed(2));
