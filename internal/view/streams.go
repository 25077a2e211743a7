package view

import (
	"context"
	"time"
)

// fullPace is how many streams of one reader are as fast as can be.
const fullPace = 8

type streamsKey struct{}

// WithStreams gives the handler of a stream the count of those that its reader has open.
func WithStreams(ctx context.Context, open func() int) context.Context {
	return context.WithValue(ctx, streamsKey{}, open)
}

// Pause is how long a stream waits between two looks, which is usual unless its reader has
// many open: whatever they show, together they cost what a few do.
func Pause(ctx context.Context, usual time.Duration) time.Duration {
	open, ok := ctx.Value(streamsKey{}).(func() int)
	if !ok {
		return usual
	}
	return usual * time.Duration(max(1, (open()+fullPace-1)/fullPace))
}
