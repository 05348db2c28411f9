// Aeron's archive client, for tests of our archive.
//
// Arguments: a driver's directory, the archive's control channel, how many messages. Prints one line per thing it did, each
// "OK <what>" with figures, and DONE at the end; a check that fails ends it with a stack trace.

import io.aeron.Aeron;
import io.aeron.ExclusivePublication;
import io.aeron.Subscription;
import io.aeron.archive.client.AeronArchive;
import io.aeron.archive.client.ArchiveException;
import io.aeron.archive.codecs.SourceLocation;
import io.aeron.archive.status.RecordingPos;
import io.aeron.ChannelUriStringBuilder;
import io.aeron.FragmentAssembler;
import io.aeron.logbuffer.FragmentHandler;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.status.CountersReader;

import java.util.function.BooleanSupplier;

public class ArchiveClientPeer
{
    static final int STREAM = 33;
    static final String CHANNEL = "aeron:ipc?term-length=64k";
    static final UnsafeBuffer buffer = new UnsafeBuffer(new byte[4096]);
    static AeronArchive archive;
    static Aeron aeron;

    public static void main(final String[] args)
    {
        final int messages = Integer.parseInt(args[2]);
        final AeronArchive.Context context = new AeronArchive.Context()
            .aeronDirectoryName(args[0])
            .controlRequestChannel(args[1])
            .controlResponseChannel("aeron:udp?endpoint=127.0.0.1:0");
        try (AeronArchive connected = AeronArchive.connect(context))
        {
            archive = connected;
            aeron = context.aeron();
            final long end = recordAndExtend(messages);
            limits(end);
            segments(end);
            follow(messages);
            truncateAndPurge();
            System.out.println("DONE");
        }
    }

    static int length(final int number)
    {
        return 8 + number * 37 % 3000;
    }

    static int fill(final int number)
    {
        final int length = length(number);
        buffer.putLong(0, number);
        for (int at = 8; at < length; at++)
        {
            buffer.putByte(at, (byte)(number * 31 + at));
        }
        return length;
    }

    static void publish(final ExclusivePublication publication, final int from, final int to)
    {
        for (int number = from; number < to; number++)
        {
            final int length = fill(number);
            await("offer", () -> publication.offer(buffer, 0, length) > 0);
        }
    }

    static long awaitRecorded(final ExclusivePublication publication)
    {
        final CountersReader counters = aeron.countersReader();
        await("rec-pos", () -> counterOf(publication) != CountersReader.NULL_COUNTER_ID);
        final int counter = counterOf(publication);
        await("recorded", () -> counters.getCounterValue(counter) >= publication.position());
        equal("source identity", "aeron:ipc", RecordingPos.getSourceIdentity(counters, counter));
        return RecordingPos.getRecordingId(counters, counter);
    }

    static int counterOf(final ExclusivePublication publication)
    {
        return RecordingPos.findCounterIdBySession(
            aeron.countersReader(), publication.sessionId(), archive.archiveId());
    }

    static long id;

    static long recordAndExtend(final int messages)
    {
        final int half = messages / 2;
        final long subscription = archive.startRecording(CHANNEL, STREAM, SourceLocation.LOCAL);
        final int initialTermId;
        final long middle;
        try (ExclusivePublication publication = aeron.addExclusivePublication(CHANNEL, STREAM))
        {
            initialTermId = publication.initialTermId();
            publish(publication, 0, half);
            middle = publication.position();
            id = awaitRecorded(publication);
            equal("recording position", middle, archive.getRecordingPosition(id));
            equal("last matching", id,
                archive.findLastMatchingRecording(0, "aeron:ipc", STREAM, publication.sessionId()));
            refused("active", ArchiveException.ACTIVE_RECORDING, () -> archive.truncateRecording(id, 0));
            refused("twice", ArchiveException.ACTIVE_SUBSCRIPTION,
                () -> archive.startRecording(CHANNEL, STREAM, SourceLocation.LOCAL));
            archive.stopRecording(subscription);
        }
        await("stop position", () -> archive.getStopPosition(id) == middle);
        System.out.println("OK recorded " + middle);

        final String channel = new ChannelUriStringBuilder(CHANNEL)
            .initialPosition(middle, initialTermId, 64 * 1024).build();
        final long extension = archive.extendRecording(id, channel, STREAM, SourceLocation.LOCAL);
        final long end;
        try (ExclusivePublication publication = aeron.addExclusivePublication(channel, STREAM))
        {
            publish(publication, half, messages);
            equal("extended", id, awaitRecorded(publication));
            end = publication.position();
            archive.stopRecording(extension);
        }
        await("stop position", () -> archive.getStopPosition(id) == end);
        equal("replayed", messages, replay(0, end, 0, messages));
        equal("replayed from the middle", messages - half, replay(middle, end - middle, half, messages));
        System.out.println("OK extended and replayed " + end);
        return end;
    }

    static int next;

    static int replay(final long position, final long length, final int from, final int to)
    {
        next = from;
        final FragmentHandler handler = new FragmentAssembler((message, offset, size, header) ->
        {
            final int expected = fill(next);
            equal("length of message " + next, expected, size);
            for (int at = 0; at < size; at++)
            {
                if (buffer.getByte(at) != message.getByte(offset + at))
                {
                    throw new AssertionError("message " + next + " differs at " + at);
                }
            }
            next++;
        });
        try (Subscription subscription = archive.replay(id, position, length, "aeron:ipc?term-length=128k", 77))
        {
            await("replay", () ->
            {
                subscription.poll(handler, 16);
                return next == to;
            });
        }
        return next - from;
    }

    static void limits(final long end)
    {
        equal("start", 0, archive.getStartPosition(id));
        equal("stop", end, archive.getStopPosition(id));
        equal("recording position", AeronArchive.NULL_POSITION, archive.getRecordingPosition(id));
        equal("max recorded", end, archive.getMaxRecordedPosition(id));
        equal("recordings", 1, archive.listRecording(id,
            (control, correlation, recording, startTime, stopTime, start, stop, term0, segment, term, mtu, session,
                stream, stripped, original, source) ->
            {
                equal("stop", end, stop);
                equal("term length", 64 * 1024, term);
                equal("stream", STREAM, stream);
                equal("original channel", CHANNEL, original);
                equal("source", "aeron:ipc", source);
            }));
        equal("recordings for uri", 1, archive.listRecordingsForUri(0, 10, "aeron:ipc", STREAM,
            (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p) -> {}));
        equal("unknown", 0, archive.listRecording(4711, (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p) -> {}));
        refused("unknown", ArchiveException.UNKNOWN_RECORDING, () -> archive.getStopPosition(4711));
        refused("unknown", ArchiveException.UNKNOWN_RECORDING,
            () -> archive.startReplay(4711, 0, 10, CHANNEL, 78));
        refused("beyond", ArchiveException.INVALID_POSITION,
            () -> archive.startReplay(id, end + 4096, 10, CHANNEL, 78));
        refused("subscription", ArchiveException.UNKNOWN_SUBSCRIPTION, () -> archive.stopRecording(4711));
        System.out.println("OK limits and refusals");
    }

    static void segments(final long end)
    {
        final int[] segment = new int[1];
        archive.listRecording(id, (a, b, c, d, e, f, g, h, length, j, k, l, m, n, o, p) -> segment[0] = length);
        final long base = AeronArchive.segmentFileBasePosition(0, 3L * segment[0], 64 * 1024, segment[0]);
        archive.detachSegments(id, base);
        equal("start after detach", base, archive.getStartPosition(id));
        equal("attached", 3, archive.attachSegments(id));
        equal("start after attach", 0, archive.getStartPosition(id));
        equal("purged", 3, archive.purgeSegments(id, base));
        equal("start after purge", base, archive.getStartPosition(id));
        refused("purged", ArchiveException.INVALID_POSITION, () -> archive.startReplay(id, 0, 64, CHANNEL, 78));
        System.out.println("OK segments of " + segment[0]);
    }

    static void follow(final int messages)
    {
        final int stream = STREAM + 1;
        final long subscription = archive.startRecording(CHANNEL, stream, SourceLocation.LOCAL);
        final long before = id;
        try (ExclusivePublication publication = aeron.addExclusivePublication(CHANNEL, stream))
        {
            publish(publication, 0, 10);
            id = awaitRecorded(publication);
            next = 0;
            final FragmentHandler handler = new FragmentAssembler((message, offset, size, header) ->
            {
                equal("live message", next, message.getLong(offset));
                next++;
            });
            try (Subscription live = archive.replay(id, 0, Long.MAX_VALUE, "aeron:ipc?term-length=64k", 79))
            {
                for (int number = 10; number < messages; number++)
                {
                    publish(publication, number, number + 1);
                    live.poll(handler, 16);
                }
                await("live replay", () ->
                {
                    live.poll(handler, 16);
                    return next == messages;
                });
                archive.stopRecording(subscription);
                await("end of stream", () ->
                {
                    live.poll(handler, 16);
                    return live.imageCount() == 0 || live.imageAtIndex(0).isEndOfStream();
                });
            }
        }
        id = before;
        System.out.println("OK followed a live recording");
    }

    static void truncateAndPurge()
    {
        final long recording = archive.findLastMatchingRecording(0, "aeron:ipc", STREAM + 1, session());
        final long stop = archive.getStopPosition(recording);
        id = recording;
        final long cut = 8 * 64 * 1024 > stop ? 0 : 8 * 64 * 1024;
        archive.truncateRecording(recording, cut);
        equal("stop after truncation", cut, archive.getStopPosition(recording));
        archive.purgeRecording(recording);
        equal("recordings", 0, archive.listRecording(recording,
            (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p) -> {}));
        System.out.println("OK truncated at " + cut + " of " + stop + " and purged");
    }

    static int session()
    {
        final int[] session = new int[1];
        archive.listRecordingsForUri(0, 10, "aeron:ipc", STREAM + 1,
            (a, b, c, d, e, f, g, h, i, j, k, sessionId, m, n, o, p) -> session[0] = sessionId);
        return session[0];
    }

    static void refused(final String what, final int code, final Runnable request)
    {
        try
        {
            request.run();
        }
        catch (final ArchiveException refused)
        {
            equal(what + ": " + refused.getMessage(), code, refused.errorCode());
            return;
        }
        throw new AssertionError("not refused: " + what);
    }

    static void equal(final String what, final Object expected, final Object actual)
    {
        if (!String.valueOf(expected).equals(String.valueOf(actual)))
        {
            throw new AssertionError(what + ": expected " + expected + ", got " + actual);
        }
    }

    static void await(final String what, final BooleanSupplier condition)
    {
        final long deadline = System.nanoTime() + 30_000_000_000L;
        while (!condition.getAsBoolean())
        {
            if (System.nanoTime() > deadline)
            {
                throw new AssertionError("waited in vain: " + what);
            }
            Thread.yield();
        }
    }
}
