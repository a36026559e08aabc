/** A name that is cut at its beginning where it has no room: the end is what tells the units of a panel apart. */
export function Tail({ children }: { children: string }) {
  return (
    <span className="tail" title={children}>
      <bdi>{children}</bdi>
    </span>
  );
}
