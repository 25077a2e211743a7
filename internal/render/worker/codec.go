package worker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"time"
)

// Values are written field by field, in order: numbers as varints, texts and
// lists with their length before them, a pointer, slice or map that may be nil
// with 0 for nil and else its length or 1, plus 1. Fields that can't be data
// are left out: interfaces and functions, and what is not exported.

var timeType = reflect.TypeFor[time.Time]()

// encode writes a value.
func encode(v any) []byte { return appendValue(nil, reflect.ValueOf(v)) }

func appendValue(b []byte, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.Bool:
		return append(b, map[bool]byte{true: 1}[v.Bool()])
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return binary.AppendVarint(b, v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return binary.AppendUvarint(b, v.Uint())
	case reflect.String:
		return append(binary.AppendUvarint(b, uint64(v.Len())), v.String()...)
	case reflect.Pointer:
		if v.IsNil() {
			return append(b, 0)
		}
		return appendValue(append(b, 1), v.Elem())
	case reflect.Slice:
		return appendSlice(b, v)
	case reflect.Map:
		return appendMap(b, v)
	case reflect.Struct:
		return appendStruct(b, v)
	}
	panic(fmt.Sprintf("worker: a %s can't be sent", v.Type()))
}

func appendSlice(b []byte, v reflect.Value) []byte {
	if v.IsNil() {
		return append(b, 0)
	}
	b = binary.AppendUvarint(b, uint64(v.Len())+1)
	if v.Type().Elem().Kind() == reflect.Uint8 {
		return append(b, v.Bytes()...)
	}
	for i := range v.Len() {
		b = appendValue(b, v.Index(i))
	}
	return b
}

func appendMap(b []byte, v reflect.Value) []byte {
	if v.IsNil() {
		return append(b, 0)
	}
	b = binary.AppendUvarint(b, uint64(v.Len())+1)
	byKey := map[string]reflect.Value{}
	for _, k := range v.MapKeys() {
		byKey[k.String()] = k
	}
	for _, k := range slices.Sorted(maps.Keys(byKey)) {
		b = appendValue(appendValue(b, byKey[k]), v.MapIndex(byKey[k]))
	}
	return b
}

func appendStruct(b []byte, v reflect.Value) []byte {
	if v.Type() == timeType {
		t := v.Interface().(time.Time)
		return binary.AppendVarint(binary.AppendVarint(b, t.Unix()), int64(t.Nanosecond()))
	}
	for i := range v.NumField() {
		if isData(v.Type().Field(i)) {
			b = appendValue(b, v.Field(i))
		}
	}
	return b
}

func isData(f reflect.StructField) bool {
	k := f.Type.Kind()
	return f.IsExported() && k != reflect.Interface && k != reflect.Func
}

// errMalformed is what bytes are that no encode has written.
var errMalformed = errors.New("malformed message")

// decoder reads a value that a stranger may have made up.
type decoder struct {
	data []byte
	// left is how much memory may still be taken, so that few bytes can't
	// become many.
	left int
}

// decode reads data, all of it, into what the pointer into points to. Bytes stay
// where they are: data must not change afterwards.
func decode(data []byte, into any) error {
	d := &decoder{data: data, left: 4*len(data) + 1<<16}
	if err := d.value(reflect.ValueOf(into).Elem()); err != nil {
		return err
	}
	if len(d.data) > 0 {
		return errMalformed
	}
	return nil
}

func (d *decoder) value(v reflect.Value) error {
	switch v.Kind() {
	case reflect.Bool:
		n, err := d.uint(1)
		v.SetBool(n == 1)
		return err
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, size := binary.Varint(d.data)
		if size <= 0 || v.OverflowInt(n) {
			return errMalformed
		}
		d.data = d.data[size:]
		v.SetInt(n)
		return nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := d.uint(math.MaxUint64)
		if v.OverflowUint(n) {
			return errMalformed
		}
		v.SetUint(n)
		return err
	case reflect.String:
		text, err := d.bytes(0)
		v.SetString(string(text))
		return err
	case reflect.Pointer:
		return d.pointer(v)
	case reflect.Slice:
		return d.slice(v)
	case reflect.Map:
		return d.mapping(v)
	case reflect.Struct:
		return d.structure(v)
	}
	panic(fmt.Sprintf("worker: a %s can't be received", v.Type()))
}

// uint reads a number up to most.
func (d *decoder) uint(most uint64) (uint64, error) {
	n, size := binary.Uvarint(d.data)
	if size <= 0 || n > most {
		return 0, errMalformed
	}
	d.data = d.data[size:]
	return n, nil
}

// bytes reads a length, less by offset than what is written, and as many bytes.
func (d *decoder) bytes(offset uint64) ([]byte, error) {
	n, err := d.uint(uint64(len(d.data)))
	if err != nil || n < offset || n-offset > uint64(len(d.data)) {
		return nil, errMalformed
	}
	text := d.data[: n-offset : n-offset]
	d.data = d.data[n-offset:]
	return text, nil
}

// take pays for memory.
func (d *decoder) take(size uintptr) error {
	if d.left -= int(size); d.left < 0 {
		return errMalformed
	}
	return nil
}

func (d *decoder) pointer(v reflect.Value) error {
	set, err := d.uint(1)
	if err != nil || set == 0 {
		return err
	}
	if err := d.take(v.Type().Elem().Size()); err != nil {
		return err
	}
	v.Set(reflect.New(v.Type().Elem()))
	return d.value(v.Elem())
}

func (d *decoder) slice(v reflect.Value) error {
	if len(d.data) > 0 && d.data[0] == 0 {
		d.data = d.data[1:]
		return nil
	}
	elem := v.Type().Elem()
	if elem.Kind() == reflect.Uint8 {
		text, err := d.bytes(1)
		v.SetBytes(text)
		return err
	}
	n, err := d.uint(uint64(len(d.data)))
	if err != nil || n == 0 {
		return errMalformed
	}
	v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	for range n - 1 {
		if err := d.take(elem.Size()); err != nil {
			return err
		}
		item := reflect.New(elem).Elem()
		if err := d.value(item); err != nil {
			return err
		}
		v.Set(reflect.Append(v, item))
	}
	return nil
}

func (d *decoder) mapping(v reflect.Value) error {
	n, err := d.uint(uint64(len(d.data)))
	if err != nil || n == 0 {
		return err
	}
	v.Set(reflect.MakeMap(v.Type()))
	for range n - 1 {
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		if err := d.take(4 * (key.Type().Size() + value.Type().Size())); err != nil {
			return err
		}
		if err := errors.Join(d.value(key), d.value(value)); err != nil {
			return errMalformed
		}
		v.SetMapIndex(key, value)
	}
	return nil
}

func (d *decoder) structure(v reflect.Value) error {
	if v.Type() == timeType {
		var seconds, nanos int64
		if d.value(reflect.ValueOf(&seconds).Elem()) != nil || d.value(reflect.ValueOf(&nanos).Elem()) != nil {
			return errMalformed
		}
		v.Set(reflect.ValueOf(time.Unix(seconds, nanos).UTC()))
		return nil
	}
	for i := range v.NumField() {
		if !isData(v.Type().Field(i)) {
			continue
		}
		if err := d.value(v.Field(i)); err != nil {
			return err
		}
	}
	return nil
}
