package bucket

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/minio/minio-go/v7"
	"golang.org/x/sync/errgroup"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/source/archive"
	"github.com/fixpoint-cd/fixpoint/internal/source/fetch"
)

const (
	// batch is how many objects are fetched before they are put into the tree,
	// and parallel how many of them at a time.
	batch, parallel = 64, 8
	// maxRules bounds the file with rules at the root.
	maxRules = 1 << 20
)

// build makes the tree. What is there already is copied; when the time is over,
// what was got until then serves the next look.
func (p *Puller) build(ctx context.Context, objects map[string]string, old *fetch.Got) (*archive.Tree, error) {
	b, err := p.room.Build()
	if err != nil {
		return nil, err
	}
	done, err := p.fill(ctx, b, objects, old)
	if err == nil {
		return b.Finish()
	}
	if ctx.Err() == nil || len(done) == 0 {
		b.Abort()
		return nil, err
	}
	if tree, failed := b.Loose(); failed == nil {
		p.part = &fetch.Got{Tree: tree, Marks: done}
		err = fmt.Errorf("%d of %d objects were fetched in the time; the rest follows: %w", len(done), len(objects), err)
	}
	return nil, err
}

// fill adds all objects; done are those that were added.
func (p *Puller) fill(ctx context.Context, b *archive.Builder, objects map[string]string, old *fetch.Got) (done map[string]string, err error) {
	done = map[string]string{}
	var missing []string
	for _, key := range slices.Sorted(maps.Keys(objects)) {
		copied, err := p.copy(b, key, objects[key], old, p.part)
		if err != nil {
			return nil, err
		}
		if !copied {
			missing = append(missing, key)
			continue
		}
		done[key] = objects[key]
	}
	for keys := range slices.Chunk(missing, batch) {
		files, err := p.download(ctx, keys, objects)
		for i, key := range keys {
			if files[i] == nil {
				continue
			}
			if added := b.Add(key, false, io.NewSectionReader(files[i], 0, files[i].Size)); added != nil && err == nil {
				return nil, closeAll(files, added)
			}
			done[key] = objects[key]
		}
		if err := closeAll(files, err); err != nil {
			return done, err
		}
	}
	return done, nil
}

func closeAll(files []*fetch.File, err error) error {
	for _, f := range files {
		if f != nil {
			_ = f.Close()
		}
	}
	return err
}

// copy takes an object from what was fetched before, if it has the same ETag.
func (p *Puller) copy(b *archive.Builder, key, etag string, from ...*fetch.Got) (bool, error) {
	for _, got := range from {
		if got == nil || etag == "" || got.Marks[key] != etag {
			continue
		}
		data, err := got.Tree.ReadFile(clean(key))
		if err != nil {
			continue // it is damaged, or has another name there
		}
		return true, b.Add(key, false, strings.NewReader(string(data)))
	}
	return false, nil
}

// download fetches objects into files; those that it could are not nil, also
// where it fails.
func (p *Puller) download(ctx context.Context, keys []string, etags map[string]string) ([]*fetch.File, error) {
	files := make([]*fetch.File, len(keys))
	g := errgroup.Group{}
	g.SetLimit(parallel)
	for i, key := range keys {
		g.Go(func() error {
			var err error
			files[i], err = p.object(ctx, key, etags[key])
			return err
		})
	}
	return files, g.Wait()
}

func (p *Puller) object(ctx context.Context, key, etag string) (*fetch.File, error) {
	body, about, _, err := p.client.GetObject(ctx, p.bucket.Name, key, minio.GetObjectOptions{})
	if err != nil {
		return nil, fmt.Errorf("object %q: %w", key, err)
	}
	defer func() { _ = body.Close() }()
	if about.ETag != etag {
		return nil, model.As(model.ErrTransient, fmt.Errorf("object %q has changed since the bucket was listed", key))
	}
	file, err := fetch.Download(p.room, body, p.room.Limits.File, "")
	if err != nil {
		return nil, fmt.Errorf("object %q: %w", key, err)
	}
	return file, nil
}

// read gets the file with rules.
func (p *Puller) read(ctx context.Context, key string) ([]byte, error) {
	body, _, _, err := p.client.GetObject(ctx, p.bucket.Name, key, minio.GetObjectOptions{})
	if err != nil {
		return nil, fmt.Errorf("object %q: %w", key, err)
	}
	defer func() { _ = body.Close() }()
	data, err := io.ReadAll(io.LimitReader(body, maxRules+1))
	if err == nil && len(data) > maxRules {
		err = model.Invalidf("object %q is larger than %d bytes", key, maxRules)
	}
	return data, err
}

// caps bounds what a server may answer that is no object, and how often it may
// say that its list goes on.
type caps struct {
	next  http.RoundTripper
	pages int64
	left  atomic.Int64
}

// maxAnswer bounds a page of a list, or an error.
const maxAnswer = 8 << 20

func (c *caps) begin() { c.left.Store(c.pages) }

func (c *caps) RoundTrip(r *http.Request) (*http.Response, error) {
	isList := r.URL.Query().Has("list-type")
	if isList && c.left.Add(-1) < 0 {
		return nil, model.Invalidf("the server's list of objects has more than %d pages", c.pages)
	}
	resp, err := c.next.RoundTrip(r)
	if err == nil && (isList || resp.StatusCode >= 300 || r.URL.Query().Has("location")) {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	}
	return resp, err
}
