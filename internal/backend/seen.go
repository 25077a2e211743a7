package backend

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Readers are shown what the cache has, which is late by a moment. Who has just asked for
// something is to find it done, and waits for that as long as seenPatience at most.
const (
	seenPatience = 3 * time.Second
	seenPause    = 10 * time.Millisecond
)

// awaitSeen waits until readers are shown an object whose spec was written.
func (b *Backend) awaitSeen(ctx context.Context, written *unstructured.Unstructured) {
	b.await(ctx, written, func(now *unstructured.Unstructured) bool { return now.GetGeneration() >= written.GetGeneration() })
}

// awaitDeleted waits until readers are shown that the object is being deleted, or is gone.
func (b *Backend) awaitDeleted(ctx context.Context, obj *unstructured.Unstructured) {
	b.await(ctx, obj, func(now *unstructured.Unstructured) bool { return now.GetDeletionTimestamp() != nil })
}

// await waits until the cache's object is so, or is another or none.
func (b *Backend) await(ctx context.Context, obj *unstructured.Unstructured, is func(*unstructured.Unstructured) bool) {
	awaitTrue(ctx, func(ctx context.Context) bool {
		now, err := b.object(ctx, KeyOf(obj.GetKind(), obj.GetNamespace(), obj.GetName()))
		return err != nil || now.GetUID() != obj.GetUID() || is(now)
	})
}

// awaitTrue waits until it is so, as long as seenPatience at most.
func awaitTrue(ctx context.Context, is func(context.Context) bool) {
	ctx, cancel := context.WithTimeout(ctx, seenPatience)
	defer cancel()
	for !is(ctx) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(seenPause):
		}
	}
}
