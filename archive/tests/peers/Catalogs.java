import io.aeron.archive.ArchiveTool;
import io.aeron.archive.checksum.Checksum;
import io.aeron.archive.checksum.Checksums;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.channels.FileChannel;
import java.util.EnumSet;
import java.util.Set;
import org.agrona.concurrent.EpochClock;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Aeron's own catalog and tool on an archive's directory.
 *
 * Commands, one a line; CHECKSUM is a class's name or `none`. What the tool prints goes to standard error:
 *   write DIR CHECKSUM CAPACITY   makes a catalog of three recordings; prints `DONE`
 *   start DIR CHECKSUM            opens it as an archive does at its start, with repair; prints `DONE`
 *   verify DIR CHECKSUM           every frame of every segment; prints `true` or `false`
 *   describe DIR ID               prints the descriptor
 * Anything that goes wrong is printed as `ERROR reason`.
 */
public class Catalogs
{
    private static final EpochClock CLOCK = () -> 1_700_000_005_000L;

    public static void main(final String[] args) throws Exception
    {
        System.out.println("READY");
        final BufferedReader commands = new BufferedReader(new InputStreamReader(System.in));
        for (String line = commands.readLine(); line != null; line = commands.readLine())
        {
            System.out.println(answer(line.split(" ")));
        }
    }

    private static String answer(final String[] words)
    {
        try
        {
            final File dir = new File(words[1]);
            switch (words[0])
            {
                case "write":
                    return write(dir, checksum(words[2]), Long.parseLong(words[3]));
                case "start":
                    close(open(dir, 4096, checksum(words[2])));
                    return "DONE";
                case "verify":
                    return String.valueOf(verify(dir, words[2]));
                case "describe":
                    final ByteArrayOutputStream out = new ByteArrayOutputStream();
                    ArchiveTool.describeRecording(new PrintStream(out), dir, Long.parseLong(words[2]));
                    return out.toString().trim();
                default:
                    return "ERROR unknown command";
            }
        }
        catch (final InvocationTargetException ex)
        {
            return error(ex.getCause());
        }
        catch (final Exception ex)
        {
            return error(ex);
        }
    }

    private static String error(final Throwable ex)
    {
        return "ERROR " + String.valueOf(ex.getMessage()).replace('\n', ' ');
    }

    private static Checksum checksum(final String name)
    {
        return "none".equals(name) ? null : Checksums.newInstance(name);
    }

    private static boolean verify(final File dir, final String checksum)
    {
        final boolean none = "none".equals(checksum);
        final Set<ArchiveTool.VerifyOption> options = EnumSet.of(ArchiveTool.VerifyOption.VERIFY_ALL_SEGMENT_FILES);
        if (!none)
        {
            options.add(ArchiveTool.VerifyOption.APPLY_CHECKSUM);
        }
        return ArchiveTool.verify(System.err, dir, options, none ? null : checksum, (file) -> false);
    }

    private static String write(final File dir, final Checksum checksum, final long capacity) throws Exception
    {
        final Object catalog = open(dir, capacity, checksum);
        final Method add = method(catalog, "addNewRecording", 11);
        for (int session = 0; session < 3; session++)
        {
            add.invoke(
                catalog,
                4096L * session,
                1_700_000_000_000L,
                Integer.MAX_VALUE,
                65536,
                65536,
                1408,
                session,
                1001,
                "aeron:ipc",
                "aeron:ipc?alias=" + "s".repeat(50 * session),
                "aeron:ipc");
        }
        method(catalog, "recordingStopped", 3).invoke(catalog, 0L, 0L, 1_700_000_001_000L);
        method(catalog, "recordingStopped", 3).invoke(catalog, 1L, 4096L, 1_700_000_001_000L);
        method(catalog, "extendRecording", 4).invoke(catalog, 1L, 5L, 6L, 77);
        close(catalog);
        return "DONE";
    }

    private static Object open(final File dir, final long capacity, final Checksum checksum) throws Exception
    {
        final Constructor<?> constructor = Class.forName("io.aeron.archive.Catalog").getDeclaredConstructor(
            File.class,
            FileChannel.class,
            int.class,
            long.class,
            EpochClock.class,
            Checksum.class,
            UnsafeBuffer.class);
        constructor.setAccessible(true);
        return constructor.newInstance(dir, null, 0, capacity, CLOCK, checksum, null);
    }

    private static void close(final Object catalog) throws Exception
    {
        method(catalog, "close", 0).invoke(catalog);
    }

    private static Method method(final Object catalog, final String name, final int parameters)
    {
        for (final Method method : catalog.getClass().getDeclaredMethods())
        {
            if (method.getName().equals(name) && method.getParameterCount() == parameters)
            {
                method.setAccessible(true);
                return method;
            }
        }
        throw new IllegalStateException("Catalog." + name + " with " + parameters + " parameters is gone");
    }
}
