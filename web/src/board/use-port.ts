import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { type Size, type View, zoomAt } from './view.ts';

/** The size of an element in CSS pixels, as it is now. */
export function useSize(element: RefObject<HTMLElement | null>): Size {
  const [size, set] = useState<Size>({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const { current } = element;
    if (!current) return;
    const measure = () => set({ width: current.clientWidth, height: current.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(current);
    measure();
    return () => observer.disconnect();
  }, [element]);
  return size;
}

interface Point {
  x: number;
  y: number;
}
interface Gestures {
  port: Size;
  picture: Size;
  view: View;
  onView(view: View): void;
}

/** Drag pans, the wheel and two fingers zoom at the point. A drag shorter than four pixels stays a click. */
export function useGestures(element: RefObject<HTMLElement | null>, gestures: Gestures): void {
  const newest = useRef(gestures);
  useLayoutEffect(() => {
    newest.current = gestures;
  });
  useEffect(() => {
    const { current } = element;
    if (!current) return;
    const fingers = new Map<number, Point>();
    const local = (event: { clientX: number; clientY: number }): Point => {
      const { left, top } = current.getBoundingClientRect();
      return { x: event.clientX - left, y: event.clientY - top };
    };
    const zoom = (factor: number, at: Point) => {
      const { view, picture, port, onView } = newest.current;
      onView(zoomAt(view, factor, at, picture, port));
    };
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      zoom(2 ** (-event.deltaY / (event.ctrlKey ? 60 : 240)), local(event));
    };
    const onDown = (event: PointerEvent) => {
      if (event.button !== 0) return;
      fingers.set(event.pointerId, local(event));
    };
    const onMove = (event: PointerEvent) => {
      const before = fingers.get(event.pointerId);
      if (!before) return;
      const at = local(event);
      const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
      if (other) {
        const apart = (p: Point) => Math.hypot(p.x - other.x, p.y - other.y) || 1;
        zoom(apart(at) / apart(before), { x: (at.x + other.x) / 2, y: (at.y + other.y) / 2 });
      } else {
        if (!current.hasPointerCapture(event.pointerId)) {
          if (Math.hypot(at.x - before.x, at.y - before.y) < 4) return;
          current.setPointerCapture(event.pointerId);
        }
        const { view, onView } = newest.current;
        onView({ ...view, x: view.x - (at.x - before.x) / view.scale, y: view.y - (at.y - before.y) / view.scale });
      }
      fingers.set(event.pointerId, at);
    };
    const onUp = (event: PointerEvent) => fingers.delete(event.pointerId);
    current.addEventListener('wheel', onWheel, { passive: false });
    current.addEventListener('pointerdown', onDown);
    current.addEventListener('pointermove', onMove);
    current.addEventListener('pointerup', onUp);
    current.addEventListener('pointercancel', onUp);
    return () => {
      current.removeEventListener('wheel', onWheel);
      current.removeEventListener('pointerdown', onDown);
      current.removeEventListener('pointermove', onMove);
      current.removeEventListener('pointerup', onUp);
      current.removeEventListener('pointercancel', onUp);
    };
  }, [element]);
}
