package signin

import (
	"hash/maphash"
	"math"
	"time"
)

const (
	tableRows = 4
	tableCols = 1 << 14
)

// table counts failures by key in memory that never grows: a count-min sketch whose
// counts fade. Keys share cells, so that a count is at times too high and never too low;
// nothing is ever evicted, and no number of newcomers makes it forget an offender. To
// raise the count of a key that somebody does not know the cells of (the seeds are
// random), tens of thousands of failures are needed while they fade, and each costs the
// comparison of a password.
type table struct {
	seeds [2]maphash.Seed
	began time.Time
	cells []cell
}

// cell is a count with the time of its last failure, as time since the table began.
type cell struct {
	level float32
	at    time.Duration
}

func newTable() *table {
	return &table{
		seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		began: time.Now(), cells: make([]cell, tableRows*tableCols),
	}
}

func (t *table) each(key string, do func(*cell)) {
	a, b := maphash.String(t.seeds[0], key), maphash.String(t.seeds[1], key)
	for row := range uint64(tableRows) {
		do(&t.cells[row*tableCols+(a+row*(b|1))%tableCols])
	}
}

// level is the count of the key.
func (t *table) level(key string, now time.Time) float64 {
	least, at := math.Inf(1), now.Sub(t.began)
	t.each(key, func(c *cell) { least = min(least, c.fade(at)) })
	return least
}

// wait is how long the key has to, if it is as long as pause says after its last
// failure; not positive if it need not.
func (t *table) wait(key string, now time.Time, pause func(level float64) time.Duration) time.Duration {
	least, at := time.Duration(math.MaxInt64), now.Sub(t.began)
	t.each(key, func(c *cell) { least = min(least, c.at+pause(c.fade(at))-at) })
	return least
}

// add counts a failure.
func (t *table) add(key string, now time.Time) {
	at := now.Sub(t.began)
	t.each(key, func(c *cell) { c.level, c.at = float32(c.fade(at)+1), at })
}

// take takes a failure back.
func (t *table) take(key string, now time.Time) {
	at := now.Sub(t.began)
	t.each(key, func(c *cell) {
		c.level = max(0, c.level-float32(math.Exp2(float64(at-c.at)/float64(fades))))
	})
}

// fade is the count at a time.
func (c *cell) fade(at time.Duration) float64 {
	return float64(c.level) * math.Exp2(-float64(at-c.at)/float64(fades))
}
