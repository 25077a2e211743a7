package history

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// common is what manifests have in common: compressing begins with it, so that
// small objects become smaller too. What was compressed with it needs it again, so
// it is never changed: another one gets another number.
//
//go:embed common-1.txt
var common []byte

const commonNumber = 1

// packer compresses. It may be used concurrently.
type packer struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

// newPacker makes one that unpacks nothing of more than limit bytes.
func newPacker(limit int64) (*packer, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true),
		zstd.WithWindowSize(1<<20), zstd.WithEncoderDictRaw(commonNumber, common), zstd.WithEncoderCRC(false))
	if err != nil {
		return nil, fmt.Errorf("preparing the compression: %w", err)
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(uint64(limit)), zstd.WithDecoderDictRaw(commonNumber, common))
	if err != nil {
		return nil, fmt.Errorf("preparing the compression: %w", err)
	}
	return &packer{enc, dec}, nil
}

func (p *packer) pack(plain []byte) []byte { return p.enc.EncodeAll(plain, nil) }

func (p *packer) unpack(packed []byte) ([]byte, error) { return p.dec.DecodeAll(packed, nil) }

func (p *packer) close() {
	_ = p.enc.Close()
	p.dec.Close()
}

// header precedes the JSON of an object, on a line of its own.
type header struct {
	model.ObjectRef
	Origin      string            `json:",omitempty"`
	Labels      map[string]string `json:",omitempty"`
	Annotations map[string]string `json:",omitempty"`
}

// record is an object as text.
func record(o model.Object) ([]byte, error) {
	head, err := json.Marshal(header{o.ObjectRef, o.Origin, o.Labels, o.Annotations})
	if err != nil {
		return nil, fmt.Errorf("writing %s: %w", o.ObjectKey, err)
	}
	out := make([]byte, 0, len(head)+1+len(o.JSON))
	return append(append(append(out, head...), '\n'), o.JSON...), nil
}

// objectOf reads what record wrote.
func objectOf(text []byte) (model.Object, error) {
	line, body, ok := bytes.Cut(text, []byte{'\n'})
	var h header
	if !ok || json.Unmarshal(line, &h) != nil {
		return model.Object{}, errors.New("an object is unreadable")
	}
	return model.Object{
		ObjectRef: h.ObjectRef, JSON: body, Digest: model.DigestOf(body),
		Origin: h.Origin, Labels: h.Labels, Annotations: h.Annotations,
	}, nil
}

// facts are what an entry holds beside its objects.
type facts struct {
	Spec      model.Digest
	Target    string           `json:",omitempty"`
	Namespace string           `json:",omitempty"`
	Snapshots []model.Snapshot `json:",omitempty"`
	Tools     []string         `json:",omitempty"`
	// Contents is the digest of the objects' addresses, in order.
	Contents model.Digest
}

// factsOf leaves out the trees of the snapshots.
func factsOf(d model.Deployed, addresses [][]byte) facts {
	f := facts{Spec: d.Spec, Target: d.Target, Namespace: d.Namespace, Tools: d.Tools, Contents: model.DigestOf(addresses...)}
	for _, s := range d.Snapshots {
		s.Tree = nil
		f.Snapshots = append(f.Snapshots, s)
	}
	return f
}
