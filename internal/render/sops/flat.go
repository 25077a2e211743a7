package sops

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"gopkg.in/ini.v1"
)

var (
	errFlat     = errors.New("a list or map, which the format does not know")
	errNoDotenv = errors.New("a line without =")
	errNoINI    = errors.New("it is no INI file")
)

const metadataKey, metadataPrefix = "sops", "sops_"

// loadDotenv reads name=value lines, and the metadata out of those that begin
// with sops_.
func loadDotenv(data []byte) (content, meta branch, err error) {
	for line := range strings.SplitSeq(string(data), "\n") {
		if line == "" {
			continue
		}
		if line[0] == '#' {
			content = append(content, entry{value: comment(line[1:])})
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			return nil, nil, errNoDotenv
		}
		e := entry{key, strings.ReplaceAll(value, `\n`, "\n")}
		if name, ok := strings.CutPrefix(key, metadataPrefix); ok {
			e.key = name
			meta = append(meta, e)
			continue
		}
		content = append(content, e)
	}
	meta, err = unflatten(meta)
	return content, meta, err
}

func emitDotenv(b branch) ([]byte, error) {
	var out bytes.Buffer
	for _, e := range b {
		switch e.value.(type) {
		case comment:
			continue
		case branch, []any:
			return nil, errFlat
		}
		fmt.Fprintf(&out, "%s=%s\n", e.key, strings.ReplaceAll(text(e.value), "\n", `\n`))
	}
	return out.Bytes(), nil
}

// loadINI reads sections, and the metadata out of that named sops.
func loadINI(data []byte) (content, meta branch, err error) {
	file, err := ini.LoadSources(ini.LoadOptions{AllowNonUniqueSections: true}, data)
	if err != nil {
		return nil, nil, errNoINI
	}
	for _, s := range file.Sections() {
		keys := iniNote(branch{}, s.Comment)
		for _, k := range s.Keys() {
			keys = iniNote(append(keys, entry{k.Name(), k.Value()}), k.Comment)
		}
		if s.Name() != metadataKey {
			content = append(content, entry{s.Name(), keys})
			continue
		}
		for _, e := range keys {
			if value, ok := e.value.(string); ok {
				meta = append(meta, entry{e.key, strings.ReplaceAll(value, `\n`, "\n")})
			}
		}
	}
	meta, err = unflatten(meta)
	return content, meta, err
}

func iniNote(b branch, text string) branch {
	if text == "" {
		return b
	}
	return append(b, entry{value: comment(strings.TrimLeft(text, text[:1]+" "))})
}

func emitINI(b branch) ([]byte, error) {
	file := ini.Empty(ini.LoadOptions{AllowNonUniqueSections: true})
	file.DeleteSection(ini.DefaultSection)
	for _, e := range b {
		if _, note := e.value.(comment); note {
			continue
		}
		keys, ok := e.value.(branch)
		section, err := file.NewSection(e.key)
		if !ok || err != nil {
			return nil, errFlat
		}
		for _, k := range keys {
			switch k.value.(type) {
			case comment:
				continue
			case branch, []any:
				return nil, errFlat
			}
			if _, err := section.NewKey(k.key, text(k.value)); err != nil {
				return nil, errFlat
			}
		}
	}
	var out bytes.Buffer
	if _, err := file.WriteTo(&out); err != nil {
		return nil, errFlat
	}
	return out.Bytes(), nil
}

// The separators in keys of flattened metadata.
const mapSeparator, listSeparator = "__map_", "__list_"

// unflatten makes a tree of keys such as age__list_0__map_enc.
func unflatten(flat branch) (branch, error) {
	root := branch{}
	for _, e := range flat {
		key := strings.ReplaceAll(e.key, listSeparator, mapSeparator+listSeparator)
		v, err := place(root, strings.Split(key, mapSeparator), e.value)
		if err != nil {
			return nil, err
		}
		root = v.(branch)
	}
	return root, nil
}

// place puts a value into a tree. A step that begins with listSeparator is an
// index; items come in order or not at all.
func place(in any, steps []string, value any) (any, error) {
	if len(steps) == 0 {
		if in != nil {
			return nil, errRepeated
		}
		return value, nil
	}
	index, isList := strings.CutPrefix(steps[0], listSeparator)
	if isList {
		return placeItem(in, index, steps[1:], value)
	}
	b, ok := in.(branch)
	if in != nil && !ok {
		return nil, errRepeated
	}
	for i := range b {
		if b[i].key == steps[0] {
			v, err := place(b[i].value, steps[1:], value)
			b[i].value = v
			return b, err
		}
	}
	v, err := place(nil, steps[1:], value)
	return append(b, entry{steps[0], v}), err
}

func placeItem(in any, index string, steps []string, value any) (any, error) {
	list, ok := in.([]any)
	n, err := strconv.Atoi(index)
	const most = 1000
	if in != nil && !ok || err != nil || n < 0 || n > most {
		return nil, errRepeated
	}
	for n >= len(list) {
		list = append(list, nil)
	}
	list[n], err = place(list[n], steps, value)
	return list, err
}
