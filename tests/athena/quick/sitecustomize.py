"""Found by Python itself when dbt is started with this folder on its path, see main_job: boto3 made quicker.

dbt-athena makes a session of boto3 for every connection, and each of them would read the descriptions of AWS's services
from disk and the machine's certificates anew; that was more than half of dbt's time. Nothing is asked or answered
otherwise by it.
"""

from functools import cache

import botocore.httpsession
import botocore.loaders

botocore.loaders.create_loader = cache(botocore.loaders.create_loader)
botocore.httpsession.create_urllib3_context = cache(botocore.httpsession.create_urllib3_context)
