// A machine's tags, in one line where there is little room.
export function Tags({ tags }: { tags: readonly string[] }) {
  if (tags.length === 0) return null;
  return (
    <span className="flex min-w-0 gap-1 text-soft" title={tags.join(", ")}>
      {tags.map((tag) => (
        <span key={tag} className="truncate rounded border border-line px-1.5" data-tag={tag}>
          {tag}
        </span>
      ))}
    </span>
  );
}
