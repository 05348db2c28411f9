// Aeron's archive with its media driver, for tests of our archive client.
//
// Arguments: a directory. Prints READY <control channel> once clients can connect. Ends when standard input does.

import io.aeron.archive.Archive;
import io.aeron.archive.ArchiveThreadingMode;
import io.aeron.archive.ArchivingMediaDriver;
import io.aeron.driver.MediaDriver;
import io.aeron.driver.ThreadingMode;

import java.io.File;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;

public class ArchivePeer
{
    public static void main(final String[] args) throws Exception
    {
        final String aeronDirectory = args[0] + "/driver";
        final String channel = "aeron:udp?endpoint=127.0.0.1:" + freePort();
        final MediaDriver.Context driver = new MediaDriver.Context()
            .aeronDirectoryName(aeronDirectory)
            .threadingMode(ThreadingMode.SHARED)
            .publicationTermBufferLength(1024 * 1024)
            .ipcTermBufferLength(1024 * 1024)
            .dirDeleteOnStart(true)
            .dirDeleteOnShutdown(true);
        final Archive.Context archive = new Archive.Context()
            .aeronDirectoryName(aeronDirectory)
            .archiveDir(new File(args[0], "archive"))
            .controlChannel(channel)
            .replicationChannel("aeron:udp?endpoint=127.0.0.1:0")
            .segmentFileLength(1024 * 1024)
            .threadingMode(ArchiveThreadingMode.SHARED);
        try (ArchivingMediaDriver both = ArchivingMediaDriver.launch(driver, archive))
        {
            System.out.println("READY " + channel);
            System.out.flush();
            while (System.in.read() >= 0)
            {
                // Nothing is asked of it but to be there.
            }
        }
    }

    static int freePort() throws Exception
    {
        try (DatagramSocket socket = new DatagramSocket(new InetSocketAddress("127.0.0.1", 0)))
        {
            return socket.getLocalPort();
        }
    }
}
