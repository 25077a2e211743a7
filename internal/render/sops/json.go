package sops

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

var errNoJSON = errors.New("it is no JSON object")

// loadJSON reads an object in the order of its fields.
func loadJSON(data []byte) (branch, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := jsonValue(d, 0)
	if err != nil {
		return nil, err
	}
	b, ok := v.(branch)
	if _, err := d.Token(); !ok || !errors.Is(err, io.EOF) {
		return nil, errNoJSON
	}
	return b, nil
}

func jsonValue(d *json.Decoder, depth int) (any, error) {
	const deepest = 500
	t, err := d.Token()
	if err != nil || depth > deepest {
		return nil, errNoJSON
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '{' {
			return jsonBranch(d, depth)
		}
		return jsonList(d, depth)
	case json.Number:
		if n, err := t.Int64(); err == nil {
			return int(n), nil
		}
		f, err := t.Float64()
		if err != nil {
			return nil, errType
		}
		return f, nil
	}
	return t, nil
}

func jsonBranch(d *json.Decoder, depth int) (any, error) {
	b := branch{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, errNoJSON
		}
		v, err := jsonValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		b = append(b, entry{key.(string), v})
	}
	_, err := d.Token()
	return b, err
}

func jsonList(d *json.Decoder, depth int) (any, error) {
	list := []any{}
	for d.More() {
		v, err := jsonValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := d.Token()
	return list, err
}

func emitJSON(b branch) ([]byte, error) {
	var compact, out bytes.Buffer
	if err := writeJSON(&compact, b); err != nil {
		return nil, err
	}
	if err := json.Indent(&out, compact.Bytes(), "", "\t"); err != nil {
		return nil, errType
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

func writeJSON(out *bytes.Buffer, v any) error {
	switch v := v.(type) {
	case branch:
		return writeFields(out, v)
	case []any:
		out.WriteByte('[')
		for i, item := range v {
			if i > 0 {
				out.WriteByte(',')
			}
			if err := writeJSON(out, item); err != nil {
				return err
			}
		}
		out.WriteByte(']')
		return nil
	}
	text, err := json.Marshal(v)
	if err != nil {
		return errType
	}
	out.Write(text)
	return nil
}

func writeFields(out *bytes.Buffer, b branch) error {
	out.WriteByte('{')
	first := true
	for _, e := range b {
		if _, note := e.value.(comment); note {
			continue
		}
		if !first {
			out.WriteByte(',')
		}
		first = false
		if err := writeJSON(out, e.key); err != nil {
			return err
		}
		out.WriteByte(':')
		if err := writeJSON(out, e.value); err != nil {
			return err
		}
	}
	out.WriteByte('}')
	return nil
}
