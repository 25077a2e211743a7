package source

import "sync"

const (
	// blobSize is up to what size a file is kept, blobBytes what all of them take.
	blobSize  = 64 << 10
	blobBytes = 16 << 20
	// blobOverhead is about what is kept beside a file's content.
	blobOverhead = 150
	// pastSize is up to what size a file that is too large is read past; for a
	// larger one it is cheaper to start a new process.
	pastSize = 1 << 20
)

// blobs keeps small files that were read lately, and the sizes of others:
// overlays of one base read the same ones again and again. A mirror's are its
// own: who may read one repository learns nothing of another.
type blobs struct {
	mu sync.Mutex
	// young and old are two generations: when the young have taken their half of
	// the bytes they become the old, and the old go.
	young, old map[blobKey]blob
	bytes      int
}

type blobKey struct {
	of *reader
	id oid
}

// blob is a file; without data only its size is known.
type blob struct {
	data []byte
	size int64
}

func newBlobs() *blobs { return &blobs{young: map[blobKey]blob{}} }

func (b *blobs) find(key blobKey) (blob, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if it, ok := b.young[key]; ok {
		return it, true
	}
	it, ok := b.old[key]
	if ok {
		b.addLocked(key, it)
	}
	return it, ok
}

func (b *blobs) add(key blobKey, it blob) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.addLocked(key, it)
}

func (b *blobs) addLocked(key blobKey, it blob) {
	if _, known := b.young[key]; known {
		return
	}
	b.young[key] = it
	b.bytes += len(it.data) + blobOverhead
	if b.bytes > blobBytes/2 {
		b.young, b.old, b.bytes = map[blobKey]blob{}, b.young, 0
	}
}
