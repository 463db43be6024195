// The WebSocket to the server: one frame at a time goes out, and its answer comes back before the next.

const ENDS = {full: "This server is full", closed: "The session has ended"}; // last messages, and their titles

export class Stream {
  /** answered(message) gets every message of the server as an object; left(title, message) is called once, when it is over. */
  constructor({answered, left}) {
    this.busy = false;
    this.socket = new WebSocket(new URL("stream", location.href).href.replace(/^http/, "ws"));
    this.socket.binaryType = "arraybuffer";
    this.opened = false;
    this.socket.onmessage = ({data}) => {
      const message = JSON.parse(data);
      if (message.type === "step" || message.type === "error") this.busy = false;
      if (message.type === "step") message.roundTrip = performance.now() - this.sent;
      if (message.type in ENDS) this.last = [ENDS[message.type], message.message];
      if (message.type === "welcome") this.opened = true;
      answered(message);
    };
    this.socket.onclose = () => left(...this.last ?? ["Not connected", this.opened
      ? "The connection to the server was lost. Your text is still here."
      : "The server does not answer. Is it still running?"]);
  }

  /** picture: a JPEG Blob; time: milliseconds of performance.now() at which it was taken. */
  async sendFrame(picture, time) {
    const bytes = await picture.arrayBuffer();
    const message = new Uint8Array(8 + bytes.byteLength);
    new DataView(message.buffer).setFloat64(0, time / 1000, true);
    message.set(new Uint8Array(bytes), 8);
    this.sent = performance.now();
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(message);
  }

  /** Gives whether it went out. */
  command(command) {
    const open = this.opened && this.socket.readyState === WebSocket.OPEN;
    if (open) this.socket.send(JSON.stringify(command));
    return open;
  }

  close() {
    this.socket.onclose = null;
    this.socket.close();
  }
}
