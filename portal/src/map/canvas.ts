// A canvas as large as the window, as fine as the screen.

/** Finer than this nobody sees, and it would cost. */
const FINEST = 2;

export class Layer {
  readonly node = document.createElement("canvas");
  readonly pen: CanvasRenderingContext2D;
  width = 1;
  height = 1;
  private fine = 1;

  constructor(name: string) {
    this.node.className = `layer ${name}`;
    const pen = this.node.getContext("2d");
    if (pen === null) throw new Error("this browser draws on no canvas");
    this.pen = pen;
  }

  /** Takes the size of the window; what was drawn is gone then. */
  fit(width: number, height: number): void {
    const fine = Math.min(FINEST, window.devicePixelRatio || 1);
    if (width === this.width && height === this.height && fine === this.fine) return;
    [this.width, this.height, this.fine] = [width, height, fine];
    this.node.width = Math.round(width * fine);
    this.node.height = Math.round(height * fine);
  }

  /** An empty page; coordinates are the window's pixels. */
  clear(): CanvasRenderingContext2D {
    const { pen } = this;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, this.node.width, this.node.height);
    pen.setTransform(this.fine, 0, 0, this.fine, 0, 0);
    return pen;
  }
}
