package compare

import (
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// Released is what an apply makes of the object without the fields that an older
// client-side apply left behind and nobody declares any more; nil if there are
// none. Such fields are owned by updates of the Manager or of Former: a server-side apply alone leaves them, and a kubectl apply would have
// removed them. Some are defaults, which the API server sets again: it has to be
// asked what the result would be.
func (d Differ) Released(live, after map[string]any) map[string]any {
	entries := entriesOf(live)
	left := fieldsOf(entries, d.clientSide)
	if left.Empty() {
		return nil
	}
	stays := fieldsOf(entriesOf(after), func(e entry) bool {
		return e.manager == d.Manager && e.operation == applied && e.subresource == ""
	})
	if stays.Empty() {
		return nil
	}
	stays = stays.Union(fieldsOf(entries, func(e entry) bool { return !d.ours(e) }))
	stays.Insert(fieldpath.MakePathOrDie("metadata", "annotations", lastApplied))
	stays.Insert(fieldpath.MakePathOrDie("status"))
	out := clone(after).(map[string]any)
	cuts := cutsOf(out, left, stays)
	if len(cuts) == 0 {
		return nil
	}
	out, _ = remove(out, cuts).(map[string]any)
	if meta, ok := out["metadata"].(map[string]any); ok {
		delete(meta, "managedFields")
	}
	return out
}
