// The two lanes of the road.
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      <path class="mark-a" d="M8 27 13.4 5" />
      <path class="mark-b" d="M24 27 18.6 5" />
    </svg>
  );
}
