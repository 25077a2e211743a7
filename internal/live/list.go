package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

const (
	// pageSize is how many objects a page of a list holds.
	pageSize = 500
	// maxItems is how many objects of one place are kept.
	maxItems = 20_000
	// maxObject is the most bytes that one object of a list may have; etcd takes less.
	maxObject = 16 << 20
)

const (
	acceptWhole    = "application/json"
	acceptMetadata = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
)

// listing is what was found at a place.
type listing struct {
	items   []*item
	version string
	// left counts what was left out because there is too much.
	left int64
}

// list reads what is at p page by page, as of the version at least: "0" is whatever the
// API server has at hand. Each object is trimmed as it arrives: neither the answer nor a
// page of it is ever held as a whole.
func (c *Cluster) list(ctx context.Context, p place, version string) (listing, error) {
	var out listing
	o := metav1.ListOptions{ResourceVersion: version, Limit: pageSize}
	if version != "" && version != "0" {
		o.Limit = 0 // with a limit it would mean exactly that version
	}
	for {
		meta, err := c.page(ctx, p, o, &out)
		if apierrors.IsResourceExpired(err) && o.Continue != "" {
			// The pages are too old to go on with: all at once then.
			out, o = listing{}, metav1.ListOptions{ResourceVersion: "0"}
			continue
		}
		if err != nil {
			return listing{}, err
		}
		out.version = meta.ResourceVersion
		if meta.Continue == "" {
			return out, nil
		}
		if len(out.items) >= maxItems {
			if meta.RemainingItemCount != nil {
				out.left += *meta.RemainingItemCount
			} else {
				out.left++
			}
			return out, nil
		}
		o = metav1.ListOptions{Limit: pageSize, Continue: meta.Continue}
	}
}

// page reads one page into out.
func (c *Cluster) page(ctx context.Context, p place, o metav1.ListOptions, out *listing) (metav1.ListMeta, error) {
	accept := acceptMetadata
	if c.whole(p.GroupKind()) {
		accept = acceptWhole
	}
	return c.stream(ctx, p.path(), accept, p.selector(), o, func(content map[string]any) {
		if len(out.items) >= maxItems {
			out.left++
			return
		}
		out.items = append(out.items, c.trim(p, content))
	})
}

// stream reads a page of a list, object by object.
func (c *Cluster) stream(ctx context.Context, path, accept, selector string, o metav1.ListOptions, take func(map[string]any)) (metav1.ListMeta, error) {
	r := c.plain.Get().AbsPath(path).SetHeader("Accept", accept)
	for name, value := range map[string]string{
		"resourceVersion": o.ResourceVersion, "continue": o.Continue, "fieldSelector": selector,
	} {
		if value != "" {
			r.Param(name, value)
		}
	}
	if o.Limit > 0 {
		r.Param("limit", strconv.FormatInt(o.Limit, 10))
	}
	body, err := r.Stream(ctx)
	if err != nil {
		return metav1.ListMeta{}, err
	}
	defer func() { _ = body.Close() }()
	return decodeList(body, func(raw json.RawMessage) error {
		var content map[string]any
		if err := utiljson.Unmarshal(raw, &content); err != nil {
			return err
		}
		take(content)
		return nil
	})
}

// decodeList calls take with each element of a list's items.
func decodeList(body io.Reader, take func(json.RawMessage) error) (metav1.ListMeta, error) {
	var meta metav1.ListMeta
	limited := &meter{r: body, left: maxObject}
	d := json.NewDecoder(limited)
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return meta, fmt.Errorf("the answer is no list: %w", errors.Join(err))
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return meta, err
		}
		switch name {
		case "metadata":
			err = d.Decode(&meta)
		case "items":
			err = decodeItems(d, limited, take)
		default:
			var skipped json.RawMessage
			err = d.Decode(&skipped)
		}
		if err != nil {
			return meta, err
		}
	}
	_, err := d.Token()
	return meta, err
}

func decodeItems(d *json.Decoder, limited *meter, take func(json.RawMessage) error) error {
	t, err := d.Token()
	if err != nil || t == nil {
		return err
	}
	if t != json.Delim('[') {
		return errors.New("the answer is no list: its items are none")
	}
	var raw json.RawMessage
	for d.More() {
		limited.left = maxObject
		if err := d.Decode(&raw); err != nil {
			return err
		}
		if err := take(raw); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

// meter fails once more was read than is left.
type meter struct {
	r    io.Reader
	left int
}

// Read implements io.Reader.
func (m *meter) Read(p []byte) (int, error) {
	if m.left <= 0 {
		return 0, fmt.Errorf("an object in the answer has more than %d MiB", maxObject>>20)
	}
	n, err := m.r.Read(p)
	m.left -= n
	return n, err
}
