// Aeron's media driver, and an Aeron client beside it, for tests of the other side.
//
// Arguments: the directory, then settings as name=value, or `attach` to use a driver that is there already. Prints READY once clients can attach. Commands, one a line:
//   publish <channel> <stream> <count> <seed>     offers that many messages; prints PUBLISHED <messages> <bytes>
//   subscribe <channel> <stream> <count> <seed>   prints SUBSCRIBED <channel with its port>, checks every
//                                                 byte, prints RECEIVED <messages> <bytes>
//   counter <id>                                  prints COUNTER <value> <label>
//   count <type>                                  prints COUNT <number of counters of that type>
//   files                                         prints FILES <number of log buffers>
//   close                                         closes the driver, prints CLOSED
// A failure of a command prints FAILED <why>. Ends when standard input does.

import io.aeron.Aeron;
import io.aeron.CommonContext;
import io.aeron.FragmentAssembler;
import io.aeron.Publication;
import io.aeron.Subscription;
import io.aeron.driver.MediaDriver;
import io.aeron.driver.ThreadingMode;
import org.agrona.CloseHelper;
import org.agrona.concurrent.BackoffIdleStrategy;
import org.agrona.concurrent.IdleStrategy;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.status.CountersReader;

import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;

public class DriverPeer
{
    static final long PATIENCE_NS = TimeUnit.SECONDS.toNanos(120);

    public static void main(final String[] args) throws Exception
    {
        final String directory = args[0];
        final MediaDriver.Context context = new MediaDriver.Context()
            .aeronDirectoryName(directory)
            .threadingMode(ThreadingMode.SHARED)
            .sharedIdleStrategy(idleStrategy())
            .dirDeleteOnStart(true)
            .dirDeleteOnShutdown(true)
            .warnIfDirectoryExists(false)
            .termBufferSparseFile(true)
            .publicationTermBufferLength(1024 * 1024)
            .ipcTermBufferLength(1024 * 1024)
            .counterFreeToReuseTimeoutNs(TimeUnit.MILLISECONDS.toNanos(100))
            .terminationValidator((dir, buffer, offset, length) -> length == 6)
            .terminationHook(() -> say("TERMINATION ASKED FOR"))
            .errorHandler((error) -> System.err.println(error));
        final boolean attach = Arrays.asList(args).contains("attach");
        for (int i = 1; i < args.length && !attach; i++)
        {
            apply(context, args[i]);
        }

        final MediaDriver driver = attach ? null : MediaDriver.launch(context);
        final Aeron aeron = Aeron.connect(new Aeron.Context()
            .aeronDirectoryName(directory)
            .errorHandler((error) -> System.err.println("client: " + error)));
        say("READY " + ProcessHandle.current().pid());

        final BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine())
        {
            final String[] words = line.split(" ");
            if (words[0].equals("close"))
            {
                aeron.close();
                CloseHelper.close(driver);
                say("CLOSED");
                continue;
            }
            if (words[0].equals("publish") || words[0].equals("subscribe"))
            {
                final Thread thread = new Thread(() -> run(aeron, directory, words), words[0]);
                thread.setDaemon(true);
                thread.start();
            }
            else
            {
                run(aeron, directory, words);
            }
        }
        aeron.close();
        CloseHelper.close(driver);
        System.exit(0);
    }

    static void apply(final MediaDriver.Context context, final String setting)
    {
        final String[] parts = setting.split("=");
        final long value = Long.parseLong(parts[1]);
        switch (parts[0])
        {
            case "client-liveness-ns": context.clientLivenessTimeoutNs(value); break;
            case "publication-unblock-ns": context.publicationUnblockTimeoutNs(value); break;
            case "timer-interval-ns": context.timerIntervalNs(value); break;
            case "image-liveness-ns": context.imageLivenessTimeoutNs(value); break;
            default: throw new IllegalArgumentException(setting);
        }
    }

    static void run(final Aeron aeron, final String directory, final String[] words)
    {
        try
        {
            switch (words[0])
            {
                case "publish":
                    publish(aeron, words[1], Integer.parseInt(words[2]), Integer.parseInt(words[3]), Long.parseLong(words[4]));
                    break;
                case "subscribe":
                    subscribe(aeron, words[1], Integer.parseInt(words[2]), Integer.parseInt(words[3]), Long.parseLong(words[4]));
                    break;
                case "counter":
                    final CountersReader counters = aeron.countersReader();
                    final int id = Integer.parseInt(words[1]);
                    say("COUNTER " + counters.getCounterValue(id) + " " + counters.getCounterLabel(id));
                    break;
                case "count":
                    final int[] count = new int[1];
                    final int type = Integer.parseInt(words[1]);
                    aeron.countersReader().forEach((counterId, typeId, key, label) -> count[0] += typeId == type ? 1 : 0);
                    say("COUNT " + count[0]);
                    break;
                case "files":
                    say("FILES " + new File(directory, "publications").list().length);
                    break;
                default:
                    say("FAILED unknown command " + words[0]);
            }
        }
        catch (final Throwable failure)
        {
            say("FAILED " + String.valueOf(failure).replace('\n', ' '));
        }
    }

    static void publish(final Aeron aeron, final String channel, final int stream, final int count, final long seed)
    {
        final Content content = new Content(seed);
        final UnsafeBuffer buffer = new UnsafeBuffer(ByteBuffer.allocateDirect(Content.MAX));
        final IdleStrategy idle = idleStrategy();
        final long deadline = System.nanoTime() + PATIENCE_NS;
        long bytes = 0;
        try (Publication publication = aeron.addPublication(channel, stream))
        {
            for (int i = 0; i < count; i++)
            {
                final int length = content.message(i);
                buffer.putBytes(0, content.bytes, 0, length);
                while (publication.offer(buffer, 0, length) < 0)
                {
                    check(deadline, "publishing message " + i);
                    idle.idle();
                }
                idle.reset();
                bytes += length;
            }
        }
        say("PUBLISHED " + count + " " + bytes);
    }

    static void subscribe(final Aeron aeron, final String channel, final int stream, final int count, final long seed)
    {
        final Content content = new Content(seed);
        final byte[] got = new byte[Content.MAX];
        final int[] messages = new int[1];
        final long[] bytes = new long[1];
        final FragmentAssembler assembler = new FragmentAssembler((buffer, offset, length, header) ->
        {
            final int expected = content.message(messages[0]);
            if (length != expected)
            {
                throw new IllegalStateException("message " + messages[0] + " has " + length + " bytes, expected " + expected);
            }
            buffer.getBytes(offset, got, 0, length);
            final int at = Arrays.mismatch(got, 0, length, content.bytes, 0, length);
            if (at >= 0)
            {
                throw new IllegalStateException("message " + messages[0] + " differs at byte " + at);
            }
            messages[0]++;
            bytes[0] += length;
        });
        final IdleStrategy idle = idleStrategy();
        final long deadline = System.nanoTime() + PATIENCE_NS;
        final Throwable[] failure = new Throwable[1];
        try (Subscription subscription = aeron.addSubscription(channel, stream))
        {
            String resolved = subscription.tryResolveChannelEndpointPort();
            while (resolved == null)
            {
                check(deadline, "resolving the port");
                idle.idle();
                resolved = subscription.tryResolveChannelEndpointPort();
            }
            say("SUBSCRIBED " + resolved);
            while (messages[0] < count)
            {
                final int fragments = subscription.poll((buffer, offset, length, header) ->
                {
                    try
                    {
                        assembler.onFragment(buffer, offset, length, header);
                    }
                    catch (final Throwable caught)
                    {
                        failure[0] = caught;
                    }
                }, 64);
                if (failure[0] != null)
                {
                    throw new IllegalStateException(failure[0]);
                }
                check(deadline, "waiting for message " + messages[0]);
                idle.idle(fragments);
            }
        }
        say("RECEIVED " + messages[0] + " " + bytes[0]);
    }

    static IdleStrategy idleStrategy()
    {
        return new BackoffIdleStrategy(10, 20, 1_000, 500_000);
    }

    static void check(final long deadline, final String what)
    {
        if (System.nanoTime() - deadline > 0)
        {
            throw new IllegalStateException("no progress " + what);
        }
    }

    static synchronized void say(final String line)
    {
        System.out.println(line);
        System.out.flush();
    }

    /// Messages that both sides compute: a length and an excerpt of a random table, headed by the message's number.
    static class Content
    {
        static final int MAX = 64 * 1024;
        final byte[] bytes = new byte[MAX];
        private final byte[] table = new byte[2 * MAX];
        private final ByteBuffer head = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        private final long seed;

        Content(final long seed)
        {
            this.seed = seed;
            final ByteBuffer words = ByteBuffer.wrap(table).order(ByteOrder.LITTLE_ENDIAN);
            for (int i = 0; i < table.length / 8; i++)
            {
                words.putLong(mix(seed + i));
            }
        }

        /// Fills `bytes` with the message of that number, and returns its length: 32 bytes to 64 KiB, each power of two as likely.
        int message(final int number)
        {
            final long random = mix(seed ^ ((long)number << 20));
            final int base = 32 << (int)Long.remainderUnsigned(random, 11);
            final int length = base + (int)Long.remainderUnsigned(random >>> 8, base + 1);
            final int from = (int)Long.remainderUnsigned(random >>> 32, MAX);
            System.arraycopy(table, from, bytes, 0, length);
            head.putLong(0, number);
            return length;
        }

        static long mix(final long value)
        {
            long z = value + 0x9E3779B97F4A7C15L;
            z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
            z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
            return z ^ (z >>> 31);
        }
    }
}
