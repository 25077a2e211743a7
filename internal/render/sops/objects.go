package sops

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/manifest"
	kjson "sigs.k8s.io/json"
)

// Objects decrypts the values below data of Secrets that hold a file encrypted
// by SOPS, in the format that their key's ending names, and whole objects that
// are still encrypted. Those should have been decrypted as files: a build that
// adds a field or changes their order breaks their MAC. Objects that have
// nothing encrypted, or opt out, are returned as they are. Errors are those of
// File.
func (d *Decrypter) Objects(objects []model.Object) ([]model.Object, error) {
	var out []model.Object
	for i, o := range objects {
		made, err := d.object(o)
		if err != nil {
			return nil, model.As(kindOf(err), fmt.Errorf("%s: %w", placeOf(o), err))
		}
		if made == nil {
			continue
		}
		if out == nil {
			out = slices.Clone(objects)
		}
		out[i] = *made
	}
	if out == nil {
		return objects, nil
	}
	return out, nil
}

func placeOf(o model.Object) string {
	if o.Origin == "" {
		return o.ObjectKey.String()
	}
	return o.Origin + ": " + o.ObjectKey.String()
}

// object is the decrypted one; nil if there is nothing to decrypt.
func (d *Decrypter) object(o model.Object) (*model.Object, error) {
	if d.disabled != "" && strings.EqualFold(o.Annotations[d.disabled], disabled) {
		return nil, nil
	}
	if guess(o.JSON) == formatJSON {
		tree, err := loadJSON(o.JSON)
		if err != nil {
			return nil, err
		}
		if metadataOf(tree) != nil {
			text, err := d.content(o.JSON, formatJSON, formatJSON)
			if err != nil {
				return nil, err
			}
			return again(o, text)
		}
	}
	if o.Kind == "Secret" && o.Group == "" {
		return d.secret(o)
	}
	return nil, nil
}

// secret decrypts values below data.
func (d *Decrypter) secret(o model.Object) (*model.Object, error) {
	var whole map[string]json.RawMessage
	var data map[string]json.RawMessage
	if json.Unmarshal(o.JSON, &whole) != nil || json.Unmarshal(whole["data"], &data) != nil {
		return nil, nil
	}
	changed := false
	for _, key := range slices.Sorted(maps.Keys(data)) {
		// What is no string or no base64 the target will complain about.
		var coded string
		if json.Unmarshal(data[key], &coded) != nil {
			continue
		}
		value, err := base64.StdEncoding.DecodeString(coded)
		from := guess(value)
		if err != nil || from == formatNone {
			continue
		}
		plain, err := d.content(value, from, formatFor(key))
		if err != nil {
			return nil, fmt.Errorf("data.%s: %w", key, err)
		}
		if data[key], err = json.Marshal(base64.StdEncoding.EncodeToString(plain)); err != nil {
			return nil, err
		}
		changed = true
	}
	if !changed {
		return nil, nil
	}
	var err error
	if whole["data"], err = json.Marshal(data); err != nil {
		return nil, err
	}
	text, err := json.Marshal(whole)
	if err != nil {
		return nil, err
	}
	return again(o, text)
}

var errNoObject = errors.New("decrypted it is no object: look at apiVersion, kind, metadata.name, labels and annotations")

// again reads an object anew.
func again(was model.Object, text []byte) (*model.Object, error) {
	var v any
	if err := kjson.UnmarshalCaseSensitivePreserveInts(text, &v); err != nil {
		return nil, errNoJSON
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil, errNoJSON
	}
	var f manifest.Fields
	if json.Unmarshal(text, &f) != nil {
		return nil, errNoJSON
	}
	o, err := manifest.New("", f, text)
	if err != nil {
		return nil, errNoObject
	}
	o.Origin = was.Origin
	return &o, nil
}

// Check is model.ErrInvalid if a Secret is still encrypted: applied like that it
// would replace a good one. An object that has the annotation with the value
// "disabled" may be; "" is no annotation.
func Check(objects []model.Object, annotation string) error {
	for _, o := range objects {
		if o.Kind != "Secret" || o.Group != "" || annotation != "" && strings.EqualFold(o.Annotations[annotation], disabled) {
			continue
		}
		var f struct {
			Sops json.RawMessage `json:"sops"`
		}
		if json.Unmarshal(o.JSON, &f) == nil && f.Sops != nil {
			return model.Invalidf("%s: the Secret is encrypted by SOPS, and the app has no keys for it: "+
				"configure its decryption, or take the Secret out", placeOf(o))
		}
	}
	return nil
}
