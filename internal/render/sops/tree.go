package sops

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// branch is a map in the order of its file, which the MAC covers. Values are
// branch, []any, string, int, float64, bool, time.Time, nil or comment.
type branch []entry

// entry is a key with its value, or with a comment as its value and no key.
type entry struct {
	key   string
	value any
}

// comment is a comment, without its sign.
type comment string

// field is the value of a key; nil if there is none.
func (b branch) field(key string) any {
	for _, e := range b {
		if _, note := e.value.(comment); !note && e.key == key {
			return e.value
		}
	}
	return nil
}

func (b branch) without(key string) branch {
	var out branch
	for _, e := range b {
		if _, note := e.value.(comment); note || e.key != key {
			out = append(out, e)
		}
	}
	return out
}

// leaf is a value that is no map and no list, or a comment.
type leaf struct {
	value any
	// path are the keys above it.
	path []string
	// notes are the comments that stand before it, by level.
	notes [][]string
}

// walk visits all leaves in order and puts what visit returns in their place.
func walk(v any, at leaf, visit func(leaf) (any, error)) (any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case branch:
		return walkBranch(v, at, visit)
	case []any:
		return walkList(v, at, visit)
	}
	at.value = v
	return visit(at)
}

func walkBranch(b branch, at leaf, visit func(leaf) (any, error)) (any, error) {
	out := make(branch, 0, len(b))
	above, notes := at.notes, []string(nil)
	for _, e := range b {
		if c, ok := e.value.(comment); ok {
			notes = append(notes, string(c))
			if _, err := walk(c, leaf{path: at.path, notes: with(above, notes)}, visit); err != nil {
				return nil, err
			}
			continue
		}
		value, err := walk(e.value, leaf{path: append(slices.Clip(at.path), e.key), notes: with(above, notes)}, visit)
		if err != nil {
			return nil, err
		}
		out = append(out, entry{e.key, value})
		notes = nil
	}
	return out, nil
}

func walkList(list []any, at leaf, visit func(leaf) (any, error)) (any, error) {
	out := make([]any, 0, len(list))
	above, notes := at.notes, []string(nil)
	for _, v := range list {
		c, isNote := v.(comment)
		if isNote {
			notes = append(notes, string(c))
		}
		value, err := walk(v, leaf{path: at.path, notes: with(above, notes)}, visit)
		if err != nil {
			return nil, err
		}
		if isNote {
			continue
		}
		if _, becomesNote := value.(comment); !becomesNote {
			out = append(out, value)
		}
		notes = nil
	}
	return out, nil
}

func with(above [][]string, notes []string) [][]string {
	return append(slices.Clip(above), notes)
}

var errType = errors.New("a value of a type that SOPS does not know")

// bytesOf is what the MAC covers of a value.
func bytesOf(v any) ([]byte, error) {
	switch v := v.(type) {
	case string:
		return []byte(v), nil
	case int:
		return strconv.AppendInt(nil, int64(v), 10), nil
	case float64:
		return strconv.AppendFloat(nil, v, 'f', -1, 64), nil
	case bool:
		if v {
			return []byte("True"), nil
		}
		return []byte("False"), nil
	case time.Time:
		return v.MarshalText()
	}
	return nil, errType
}

// text is a value in formats that know only text.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return "<nil>"
	case string:
		return v
	case float64:
		s := strconv.FormatFloat(v, 'G', -1, 64)
		if !strings.ContainsAny(s, ".E") {
			s = strconv.FormatFloat(v, 'f', 1, 64)
		}
		return s
	case time.Time:
		return v.Format(time.RFC3339)
	}
	return fmt.Sprint(v)
}
