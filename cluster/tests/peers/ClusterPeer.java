// Aeron's cluster of one node with an echo service, for tests of our cluster client.
//
// Arguments: a directory. Prints READY <ingress endpoints> once the node leads. Ends when standard input does.

import io.aeron.ExclusivePublication;
import io.aeron.Image;
import io.aeron.archive.Archive;
import io.aeron.archive.ArchiveThreadingMode;
import io.aeron.archive.client.AeronArchive;
import io.aeron.cluster.ClusteredMediaDriver;
import io.aeron.cluster.ConsensusModule;
import io.aeron.cluster.codecs.CloseReason;
import io.aeron.cluster.service.ClientSession;
import io.aeron.cluster.service.Cluster;
import io.aeron.cluster.service.ClusteredService;
import io.aeron.cluster.service.ClusteredServiceContainer;
import io.aeron.driver.MediaDriver;
import io.aeron.driver.ThreadingMode;
import io.aeron.logbuffer.Header;
import org.agrona.DirectBuffer;

import java.io.File;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;

public class ClusterPeer
{
    public static void main(final String[] args) throws Exception
    {
        final String aeronDirectory = args[0] + "/driver";
        final int[] ports = freePorts(5);
        final String host = "127.0.0.1:";
        final String members = "0," + host + ports[0] + "," + host + ports[1] + "," + host + ports[2] + "," +
            host + ports[3] + "," + host + ports[4];
        final String archiveChannel = "aeron:udp?endpoint=" + host + ports[4];
        final MediaDriver.Context driver = new MediaDriver.Context()
            .aeronDirectoryName(aeronDirectory)
            .threadingMode(ThreadingMode.SHARED)
            .publicationTermBufferLength(1024 * 1024)
            .dirDeleteOnStart(true)
            .dirDeleteOnShutdown(true);
        final Archive.Context archive = new Archive.Context()
            .aeronDirectoryName(aeronDirectory)
            .archiveDir(new File(args[0], "archive"))
            .controlChannel(archiveChannel)
            .replicationChannel("aeron:udp?endpoint=127.0.0.1:0")
            .threadingMode(ArchiveThreadingMode.SHARED);
        final AeronArchive.Context local = new AeronArchive.Context()
            .aeronDirectoryName(aeronDirectory)
            .controlRequestChannel("aeron:ipc?term-length=64k")
            .controlResponseChannel("aeron:ipc?term-length=64k");
        final ConsensusModule.Context module = new ConsensusModule.Context()
            .aeronDirectoryName(aeronDirectory)
            .clusterDir(new File(args[0], "cluster"))
            .clusterMemberId(0)
            .clusterMembers(members)
            .ingressChannel("aeron:udp?term-length=64k")
            .logChannel("aeron:udp?term-length=1m")
            .replicationChannel("aeron:udp?endpoint=127.0.0.1:0")
            .archiveContext(local.clone());
        final ClusteredServiceContainer.Context container = new ClusteredServiceContainer.Context()
            .aeronDirectoryName(aeronDirectory)
            .clusterDir(new File(args[0], "cluster"))
            .archiveContext(local.clone())
            .clusteredService(new Echo());
        try (ClusteredMediaDriver node = ClusteredMediaDriver.launch(driver, archive, module);
            ClusteredServiceContainer service = ClusteredServiceContainer.launch(container))
        {
            System.out.println("READY 0=" + host + ports[0]);
            System.out.flush();
            while (System.in.read() >= 0)
            {
                // Nothing is asked of it but to be there.
            }
        }
    }

    static int[] freePorts(final int count) throws Exception
    {
        final DatagramSocket[] sockets = new DatagramSocket[count];
        final int[] ports = new int[count];
        for (int i = 0; i < count; i++)
        {
            sockets[i] = new DatagramSocket(new InetSocketAddress("127.0.0.1", 0));
            ports[i] = sockets[i].getLocalPort();
        }
        for (final DatagramSocket socket : sockets)
        {
            socket.close();
        }
        return ports;
    }

    static class Echo implements ClusteredService
    {
        private Cluster cluster;

        public void onStart(final Cluster cluster, final Image snapshotImage)
        {
            this.cluster = cluster;
        }

        public void onSessionOpen(final ClientSession session, final long timestamp)
        {
        }

        public void onSessionClose(final ClientSession session, final long timestamp, final CloseReason closeReason)
        {
        }

        public void onSessionMessage(
            final ClientSession session,
            final long timestamp,
            final DirectBuffer buffer,
            final int offset,
            final int length,
            final Header header)
        {
            cluster.idleStrategy().reset();
            while (session != null && session.offer(buffer, offset, length) < 0)
            {
                cluster.idleStrategy().idle();
            }
        }

        public void onTimerEvent(final long correlationId, final long timestamp)
        {
        }

        public void onTakeSnapshot(final ExclusivePublication snapshotPublication)
        {
        }

        public void onRoleChange(final Cluster.Role newRole)
        {
        }

        public void onTerminate(final Cluster cluster)
        {
        }
    }
}
