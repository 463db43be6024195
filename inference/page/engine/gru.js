// The model, written out: sign2sound/model.py. 210,077 weights need no library of 14 MB.

export class Model {
  /** weights: ArrayBuffer of float32, the checkpoint's tensors one after another in its order; then the model of engine.json. */
  constructor(weights, labels, {features, hidden, layers, temperature}) {
    const all = new Float32Array(weights);
    let place = 0;
    const take = (size) => all.subarray(place, place += size);
    const linear = (rows, columns) => ({weight: take(rows * columns), bias: take(rows)});
    this.input = linear(hidden, features);
    this.layers = Array.from({length: layers}, () => {
      const [input, state] = [take(3 * hidden * hidden), take(3 * hidden * hidden)];
      return {input: {weight: input, bias: take(3 * hidden)}, state: {weight: state, bias: take(3 * hidden)}};
    });
    this.output = linear(labels.length, hidden);
    if (place !== all.length) throw new Error(`the weights are ${all.length} numbers; expected ${place}`);
    this.hidden = hidden;
    this.temperature = temperature;
  }

  /** The state of a stream that begins: what each layer remembers. */
  start() {
    return this.layers.map(() => new Float32Array(this.hidden));
  }

  /** One step: features (63) and the state before -> [probabilities (29), the state after]. */
  step(features, state) {
    let values = apply(this.input, features).map((value) => Math.max(value, 0));
    const after = this.layers.map((layer, index) => (values = gruStep(layer, values, state[index])));
    const logits = apply(this.output, values).map((value) => value / this.temperature);
    const most = Math.max(...logits);
    const shares = logits.map((value) => Math.exp(value - most));
    const sum = shares.reduce((a, b) => a + b);
    return [shares.map((share) => share / sum), after];
  }
}

/** As torch.nn.GRU documents it; the rows are those of the reset gate, the update gate, the new state. */
function gruStep(layer, input, state) {
  const size = state.length;
  const [fromInput, fromState] = [apply(layer.input, input), apply(layer.state, state)];
  return state.map((before, i) => {
    const reset = sigmoid(fromInput[i] + fromState[i]);
    const update = sigmoid(fromInput[size + i] + fromState[size + i]);
    const fresh = Math.tanh(fromInput[2 * size + i] + reset * fromState[2 * size + i]);
    return (1 - update) * fresh + update * before;
  });
}

function apply({weight, bias}, values) {
  return bias.map((sum, row) => {
    const start = row * values.length;
    for (let column = 0; column < values.length; column++) sum += weight[start + column] * values[column];
    return sum;
  });
}

const sigmoid = (value) => 1 / (1 + Math.exp(-value));
