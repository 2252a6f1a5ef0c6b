select to_predict.company_number
from {{ ref('to_predict') }} as to_predict
inner join {{ ref('users') }} as users
    on to_predict.company_number = users.company_number
