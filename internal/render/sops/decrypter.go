package sops

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/manifest"
)

// maxSize is how big an encrypted file may be.
const maxSize = 5 << 20

// disabled is the value of the annotation that opts an object out.
const disabled = "disabled"

// Decrypter decrypts the files and objects of a render. It is for one goroutine.
type Decrypter struct {
	ctx      context.Context
	disabled string
	unwrap   func(ctx context.Context, request []byte) ([]byte, error)
	// shares are data keys, or shares of them, by their request.
	shares map[string][]byte
}

// New makes the decrypter of a render. It does not look at d.Keys; unwrap asks
// who knows them, see Keys.Unwrap.
func New(ctx context.Context, d model.Decrypt, unwrap func(ctx context.Context, request []byte) ([]byte, error)) *Decrypter {
	return &Decrypter{ctx: ctx, disabled: d.Disabled, unwrap: unwrap, shares: map[string][]byte{}}
}

// File is the decrypted content of a file, or data itself if SOPS did not
// encrypt it. It has to see files before anything changes them: the MAC covers
// all of the content, in its order. What it is encrypted as is told by the
// content, what it is decrypted to by the name: *.yaml, *.json, *.env, *.ini,
// *.dockerconfigjson, else binary. For a generator that renames files it is the
// name of the key, with .env at its end for a file of variables. Documents of a
// YAML file that are not encrypted, or opt out, stay as they are.
//
// model.ErrInvalid: the file is malformed, was changed after its encryption, or
// is too big; model.ErrDenied: no key fits, with the names of those that would;
// model.ErrTransient: a key service could not be asked. No error holds content.
func (d *Decrypter) File(name string, data []byte) ([]byte, error) {
	from := guess(data)
	if from == formatNone {
		return data, nil
	}
	out, err := d.content(data, from, formatFor(name))
	if err != nil {
		return nil, model.As(kindOf(err), fmt.Errorf("%s: %w", name, err))
	}
	return out, nil
}

// content decrypts a file or a value of a Secret.
func (d *Decrypter) content(data []byte, from, to format) ([]byte, error) {
	if len(data) > maxSize {
		return nil, model.Invalidf("%d bytes are too many for an encrypted file: the limit is %d", len(data), maxSize)
	}
	if to == formatBinary && from != formatJSON {
		to = from
	}
	var meta branch
	var tree branch
	var err error
	switch from {
	case formatDotenv:
		tree, meta, err = loadDotenv(data)
	case formatINI:
		tree, meta, err = loadINI(data)
	case formatJSON:
		if tree, err = loadJSON(data); err == nil {
			break
		}
		// A map of YAML in braces begins like JSON.
		fallthrough
	default:
		return d.yaml(data, to)
	}
	if err != nil {
		return nil, err
	}
	if from == formatJSON {
		if meta = metadataOf(tree); meta == nil || d.optsOut(tree) {
			return data, nil
		}
		tree = tree.without(metadataKey)
	}
	trees, err := d.trees([]branch{tree}, meta)
	if err != nil {
		return nil, err
	}
	return emit(trees[0], to)
}

// yaml decrypts the documents of a file. Those that were encrypted together
// have the same metadata.
func (d *Decrypter) yaml(data []byte, to format) ([]byte, error) {
	if err := manifest.Guard(data); err != nil {
		return nil, err
	}
	texts := splitYAML(data)
	trees := make([]branch, len(texts))
	parts := map[string][]int{}
	var order []string
	for i, text := range texts {
		marked := yamlMark.Match(text)
		if !marked && !bytes.Contains(text, []byte("{")) {
			continue
		}
		tree, err := loadYAML(text)
		if errors.Is(err, errRoot) || err != nil && !marked {
			// What is wrong with it is told by who reads it.
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", i+1, err)
		}
		meta := metadataOf(tree)
		if meta == nil || d.optsOut(tree) {
			continue
		}
		id := fmt.Sprint(meta.field("mac"))
		if parts[id] == nil {
			order = append(order, id)
		}
		parts[id], trees[i] = append(parts[id], i), tree
	}
	if len(order) == 0 {
		return data, nil
	}
	for _, id := range order {
		if err := d.together(texts, trees, parts[id], to); err != nil {
			return nil, err
		}
	}
	return bytes.Join(texts, nil), nil
}

// together decrypts the documents at some places, and puts the result into
// texts.
func (d *Decrypter) together(texts [][]byte, trees []branch, at []int, to format) error {
	docs := make([]branch, len(at))
	for i, n := range at {
		docs[i] = trees[n].without(metadataKey)
	}
	docs, err := d.trees(docs, metadataOf(trees[at[0]]))
	if err != nil {
		return err
	}
	for i, n := range at {
		text, err := emit(docs[i], to)
		if err != nil {
			return err
		}
		if bytes.HasPrefix(texts[n], []byte("---")) {
			text = append([]byte("---\n"), text...)
		}
		texts[n] = text
	}
	return nil
}

// trees decrypts documents with the metadata that they share.
func (d *Decrypter) trees(docs []branch, meta branch) ([]branch, error) {
	m, err := readMetadata(meta)
	if err != nil {
		return nil, err
	}
	key, err := d.dataKey(m)
	if err != nil {
		return nil, err
	}
	return decrypt(docs, m, key)
}

// metadataOf are those of an encrypted document; nil if it is not encrypted. A
// map that is only called sops is something else.
func metadataOf(b branch) branch {
	meta, ok := b.field(metadataKey).(branch)
	if !ok || meta.field("mac") == nil {
		return nil
	}
	return meta
}

// optsOut reports whether a manifest has the annotation that leaves it alone.
func (d *Decrypter) optsOut(b branch) bool {
	v := any(b)
	for _, key := range []string{"metadata", "annotations", d.disabled} {
		b, ok := v.(branch)
		if !ok || key == "" {
			return false
		}
		v = b.field(key)
	}
	s, _ := v.(string)
	return strings.EqualFold(s, disabled)
}

// kindOf gives errors about content their kind.
func kindOf(err error) error {
	for _, kind := range []error{model.ErrTransient, model.ErrDenied} {
		if errors.Is(err, kind) {
			return kind
		}
	}
	return model.ErrInvalid
}
